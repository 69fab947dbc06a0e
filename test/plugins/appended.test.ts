import t, { type Test } from 'tap'
import { Type } from '@sinclair/typebox'
import { WebSocket } from 'ws'
import { connect } from '../../lib/client/index.ts'
import { defineChannel } from '../../lib/contract/define-channel.ts'
import { MemoryAdapter, MemoryHub } from '../../lib/memory/memory-adapter.ts'
import { implement } from '../../lib/server/implement.ts'
import { TestClient } from '../../lib/testing/test-client.ts'
import type { ChannelsOptions } from '../../plugins/channels.ts'
import { bearer, listen, makeApp } from '../support/serve.ts'

const shop = defineChannel({
  pattern: 'shop/:id',
  params: Type.Object({ id: Type.String() }),
  fromClient: {
    order: { payload: Type.String(), reply: Type.String(), idempotent: true },
    note: { payload: Type.String() }
  },
  fromServer: { ordered: { payload: Type.String() }, paid: { payload: Type.String() } },
  history: { limit: 10, ttl: 60_000 }
})

interface Fate { (run: number): void | Promise<void> }

/** A shop whose handler does as `fate` says after its first append, and what its functions saw. */
async function serve (t: Test, options: ChannelsOptions = {}) {
  const fates: { order: Fate, hook: Fate } = { order: () => {}, hook: () => {} }
  const seen: string[] = []
  let runs = 0
  let calls = 0
  const { app, sink } = await makeApp(t, options)
  app.ws('/shop', {}, [implement(shop, {
    onAppend: async ({ type, payload, offset, id, epoch, hash }, { channel, params }) => {
      seen.push(`${channel} ${params.id} ${offset} ${type} ${payload} ${[id, epoch, hash].every(Boolean)}`)
      await fates.hook(++calls)
    },
    on: {
      order: async (ctx, item) => {
        seen.push(`run after ${ctx.appended.map(({ offset }) => offset).join() || 'nothing'}`)
        if (ctx.appended.length > 1) return 'as before'
        await ctx.broadcast('ordered', item)
        await fates.order(++runs)
        await ctx.broadcast('paid', item)
        return 'done'
      },
      note: async (ctx, text) => {
        seen.push(`note after ${ctx.appended.length}`)
        await ctx.broadcast('ordered', text)
        throw new Error('on purpose')
      }
    }
  })])
  const served = await listen(app, sink)
  const enter = async (name = 'ann', channel = 'shop/1') => {
    const client = await TestClient.connect(`${served.url}/shop`, [], bearer(served.token(name)))
    await client.request('join', channel)
    return client
  }
  return { ...served, fates, seen, enter, room: app.rooms.of(shop, { id: '1' }) }
}

t.test('ctx.appended: a handler that failed after an append knows its entry when it runs again', async (t) => {
  const { enter, fates, seen, room } = await serve(t)
  const ann = await enter()
  fates.order = () => { throw new Error('on purpose') }
  const order = () => ann.request('order', 'shop/1', 'tea', 'm1')
  t.match(await order(), { type: 'error', payload: { code: 'internal', appended: 1 } })
  fates.order = () => {}
  t.match(await order(), { type: 'ack', payload: 'done', offset: 2 })
  t.strictSame((await room.read()).messages.map(({ type }) => type), ['ordered', 'paid'])
  t.strictSame(seen.filter((line) => line.startsWith('run')), ['run after nothing', 'run after 1'])
  t.match(await ann.request('order', 'shop/1', 'tea', 'm1'), { payload: 'done' }, 'the stored reply')
  await ann.request('note', 'shop/1', 'milk')
  t.equal(seen.at(-2), 'note after 0', 'a message that is not idempotent')
})

t.test('ctx.appended: another node knows what a node appended that died before its reply', async (t) => {
  const hub = new MemoryHub()
  const node = () => serve(t, { adapter: new MemoryAdapter(hub) })
  const [a, b] = [await node(), await node()]
  const dying = await a.enter()
  // The claim of a node that dies ends by itself; here it is given up, which takes no time.
  let fail = (_error: Error) => {}
  a.fates.order = () => new Promise((_resolve, reject) => { fail = reject })
  const lost = dying.request('order', 'shop/1', 'tea', 'm1')
  await dying.next('ordered')
  fail(new Error('dies'))
  await lost
  const other = await b.enter()
  t.match(await other.request('order', 'shop/1', 'tea', 'm1'), { type: 'ack', payload: 'done', offset: 2 })
  t.ok(b.seen.includes('run after 1'))
})

t.test('an error after an append says so: to the client, with a message that is not idempotent, and at a timeout',
  async (t) => {
    const { enter, fates, url, token } = await serve(t, { handlerTimeout: 1_000 })
    const ann = await enter()
    t.match(await ann.request('note', 'shop/1', 'milk'), { payload: { code: 'internal', appended: 1 } })
    fates.order = () => new Promise(() => {})
    t.match(await ann.request('order', 'shop/1', 'tea'), { payload: { code: 'timeout', appended: 2 } })
    const client = connect<typeof shop>(`${url}/shop`, { token: () => token('bob'), WebSocket })
    t.teardown(() => client.close())
    const channel = await client.join('shop/:id', { id: '2' }, { onResync: 'ignore' })
    await t.rejects(channel.send('note', 'milk'), { code: 'internal', appended: 1 })
    await t.rejects(channel.send('order', 5 as never), { code: 'invalid_payload', appended: undefined })
  })

t.test('onAppend: it runs for entries of handlers and rooms.of, before the append resolves and the ack', async (t) => {
  const { enter, seen, fates, room } = await serve(t)
  const ann = await enter()
  let finish = () => {}
  fates.hook = (call) => call === 2 ? new Promise((resolve) => { finish = resolve }) : undefined
  const { offset } = await room.broadcast('ordered', 'by a route')
  t.strictSame([offset, seen], [1, ['shop/1 1 1 ordered by a route true']])
  const acked = ann.request('order', 'shop/1', 'tea')
  await ann.next('ordered')
  await ann.next('ordered')
  t.notOk(ann.log.some(({ payload }) => payload === 'done'), 'the hook is not done')
  finish()
  t.match(await acked, { type: 'ack', payload: 'done' })
  t.strictSame(seen.slice(2), ['shop/1 1 2 ordered tea true', 'shop/1 1 3 paid tea true'])
})

t.test('onAppend: when it fails, the entry stands and the message is sent again', async (t) => {
  const { fates, seen, room, logged, url, token } = await serve(t)
  fates.hook = (call) => { if (call <= 2) throw new Error('on purpose') }
  await t.rejects(room.broadcast('ordered', 'by a route'), { code: 'unavailable', appended: 1, statusCode: 503 })
  t.match(await logged('onAppend() failed: its message was appended'), { channel: 'shop/1', offset: 1, level: 50 })
  const client = connect<typeof shop>(`${url}/shop`, { token: () => token('bob'), WebSocket })
  t.teardown(() => client.close())
  const channel = await client.join('shop/:id', { id: '1' }, { onResync: 'ignore' })
  t.equal(await channel.send('order', 'tea'), 'done', 'the client sends it again')
  t.strictSame(seen.slice(1), [
    'run after nothing', 'shop/1 1 2 ordered tea true', 'run after 2', 'shop/1 1 2 ordered tea true',
    'shop/1 1 3 paid tea true'
  ])
})
