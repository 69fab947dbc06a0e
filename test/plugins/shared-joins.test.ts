import { Type } from '@sinclair/typebox'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { connect } from '../../lib/client/index.ts'
import { defineChannel, implement } from '../../plugins/channels.ts'
import { listen, makeApp } from '../support/serve.ts'
import { until } from '../support/until.ts'

const talk = defineChannel({
  pattern: 'talk/:room',
  params: Type.Object({ room: Type.String() }),
  fromClient: { say: { payload: Type.String() } },
  fromServer: { said: { payload: Type.String() } },
  presence: Type.Object({}),
  history: { limit: 50, ttl: 60_000 }
})

async function start (t: Test) {
  const { app, sink } = await makeApp(t, { limits: false })
  app.ws('/ws', { public: true }, [implement(talk, {
    authorize: () => true,
    presence: () => ({}),
    on: { say: async (ctx, text) => { await ctx.broadcast('said', text) } }
  })])
  const client = connect<typeof talk>(`${(await listen(app, sink)).url}/ws`, { WebSocket })
  t.teardown(() => client.close())
  return { app, client }
}

t.test('shared joins: a late handle gets presence and history from a real server, and each message once', async (t) => {
  const { client } = await start(t)
  const seen: unknown[] = []
  const join = (name: string) => client.join('talk/:room', { room: 'x' }, {
    onResync: ({ position }) => seen.push([name, position.offset]),
    on: { said: (text) => seen.push([name, text]) }
  })
  const first = await join('a')
  for (const text of ['1', '2']) await first.send('say', text)
  const late = await join('b')
  t.strictSame(late.presence, first.presence)
  await first.send('say', '3')
  await until(() => seen.length === 8)
  t.strictSame(seen, [['a', 0], ['a', '1'], ['a', '2'], ['b', 2], ['b', '1'], ['b', '2'], ['a', '3'], ['b', '3']])
})

t.test('shared joins: 200 components that come and go at once leave no membership behind', async (t) => {
  const { app, client } = await start(t)
  for (let i = 0; i < 200; i++) {
    const room = `room-${i % 3}`
    const abort = new AbortController()
    const first = client.join('talk/:room', { room }, { onResync: 'ignore', signal: abort.signal })
    abort.abort()
    await t.rejects(first)
    const second = await client.join('talk/:room', { room }, { onResync: 'ignore' })
    const leaving = second.leave()
    if (i % 20 === 0) await leaving
  }
  await until(async () => (await app.channels.status()).rooms === 0)
  t.equal(client.state, 'open')
})
