import t from 'tap'
import { Type } from '@sinclair/typebox'
import { defineChannel, defineConnection } from '../../lib/contract/define-channel.ts'
import { implement } from '../../lib/server/implement.ts'
import { TestClient } from '../../lib/testing/test-client.ts'
import { bearer, listen, makeApp } from '../support/serve.ts'

const muted = { muted: Type.Object({ until: Type.Integer() }) }
const chat = defineChannel({
  pattern: 'chat/:room',
  params: Type.Object({ room: Type.String() }),
  fromClient: {
    say: { payload: Type.Object({ text: Type.String() }), reply: Type.Array(Type.String()), errors: muted },
    order: { payload: Type.Integer(), errors: muted, idempotent: true },
    typing: { errors: muted }
  },
  fromServer: {}
})
const own = defineConnection({ fromClient: { hello: {}, bye: {} }, fromServer: {} })

t.test('pre-handlers: of the channel, then of the type, before the handler and with its context', async (t) => {
  const { app, sink } = await makeApp(t)
  const seen: string[] = []
  app.ws('/ws', {}, [
    implement(chat, {
      preHandler: [
        (ctx, message) => {
          ctx.state.seen = [`${ctx.params.room} ${message.type}`]
          if (message.type === 'say' && message.payload.text === 'forbidden') return false
          // @ts-expect-error: no message has such a type
          if (message.type === 'nope') return false
        },
        async (ctx, { type, payload }) => {
          seen.push(`${type} ${JSON.stringify(payload)} ${ctx.messageId.length > 10}`)
          if (type === 'typing') throw ctx.error('muted', { until: 7 })
        }
      ],
      preHandlers: {
        say: (ctx, { text }) => {
          (ctx.state.seen as string[]).push(text)
          if (text === 'muted') throw ctx.error('muted', { until: 5 })
          if (text === 'broken') throw new Error('on purpose')
          return text !== 'nothing'
        },
        order: [async () => true, () => { seen.push('order') }]
      },
      on: {
        say: (ctx) => ctx.state.seen as string[],
        order: () => { seen.push('handled') },
        typing: () => { seen.push('never') }
      }
    }),
    implement(own, { preHandler: (_ctx, { type }) => type === 'hello', on: { hello: () => {}, bye: () => {} } })
  ])
  const { url, token } = await listen(app, sink)
  const client = await TestClient.connect(`${url}/ws`, [], bearer(token('ann')))
  await client.request('join', 'chat/a')
  const say = async (text: unknown) => (await client.request('say', 'chat/a', { text })).payload
  t.strictSame(await say('hi'), ['a say', 'hi'])
  for (const text of ['forbidden', 'nothing']) t.match(await say(text), { code: 'forbidden' })
  t.match(await say('muted'), { code: 'muted', details: { until: 5 } })
  t.match(await say('broken'), { code: 'internal' })
  const before = seen.length
  t.match(await say(5), { code: 'invalid_payload' })
  t.equal(seen.length, before, 'an invalid payload reaches no pre-handler')
  t.match((await client.request('typing', 'chat/a')).payload, { code: 'muted', details: { until: 7 } })
  t.notOk(seen.includes('never'))
  for (let i = 0; i < 2; i++) t.match(await client.request('order', 'chat/a', 1, 'm1'), { type: 'ack' })
  t.strictSame(seen.slice(-3), ['order 1 true', 'order', 'handled'], 'not again for the stored reply')
  t.match(await client.request('hello'), { type: 'ack' })
  t.match((await client.request('bye')).payload, { code: 'forbidden' })
})
