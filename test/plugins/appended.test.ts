import { fork } from 'node:child_process'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { connect } from '../../lib/client/index.ts'
import { MemoryAdapter, MemoryHub } from '../../lib/memory/memory-adapter.ts'
import { implement } from '../../lib/server/implement.ts'
import { FakeClock } from '../../lib/testing/fake-clock.ts'
import { TestClient } from '../../lib/testing/test-client.ts'
import type { ChannelsOptions } from '../../plugins/channels.ts'
import { shop } from '../support/cluster/shop.ts'
import { startRedis } from '../support/redis.ts'
import { bearer, listen, makeApp } from '../support/serve.ts'
import { until } from '../support/until.ts'

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

t.test('ctx.appended: another node knows what a node appended that was killed before its reply', async (t) => {
  const redis = await startRedis(t)
  const { app, enter, seen, room, token } = await serve(t, { redis: { url: redis.url } })
  const killed = fork(new URL('../support/cluster/shop-node.js', import.meta.url), [redis.url])
  t.teardown(() => killed.kill('SIGKILL'))
  const [port] = await once(killed, 'message') as [number]
  await until(() => app.channels.status().state === 'up')
  const ann = await TestClient.connect(`ws://127.0.0.1:${port}/shop`, [], bearer(token('ann')))
  await ann.request('join', 'shop/1')
  ann.send({ type: 'order', channel: 'shop/1', payload: 'tea', correlationId: 'm1' })
  await ann.next('ordered')
  killed.kill('SIGKILL')
  await once(killed, 'exit')
  const again = await enter()
  t.match(await again.request('order', 'shop/1', 'tea', 'm1'), { type: 'ack', payload: 'done', offset: 2 })
  t.strictSame(seen.filter((line) => line.startsWith('run')), ['run after 1'])
  t.strictSame((await room.read()).messages.map(({ type }) => type), ['ordered', 'paid'])
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

t.test('onAppend: one that hangs fails after handlerTimeout, and every answer says that the entry stands',
  async (t) => {
    const clock = new FakeClock()
    const { enter, fates, seen, room, logged } = await serve(t, { clock, handlerTimeout: 1_000 })
    fates.hook = () => new Promise(() => {})
    const published = t.rejects(room.broadcast('ordered', 'by a route'), { code: 'unavailable', appended: 1 })
    await until(() => seen.length === 1)
    clock.advance(1_000)
    await published
    t.match(await logged('onAppend() failed: its message was appended'), { offset: 1, err: { code: 'timeout' } })
    const ann = await enter()
    const reply = ann.request('order', 'shop/1', 'tea', 'm1')
    await until(() => seen.length === 3)
    clock.advance(1_000)
    t.match(await reply, { type: 'error', payload: { code: 'timeout', appended: 2 } })
    fates.hook = () => {}
    t.match(await ann.request('order', 'shop/1', 'tea', 'm1'), { type: 'ack', payload: 'done', offset: 3 })
    t.equal(seen[3], 'run after 2', 'the attempt is over, so the message is handled again')
  })

t.test('an error after an append says so to the copy of a message whose earlier attempt still hangs, on any node',
  async (t) => {
    const clock = new FakeClock()
    const hub = new MemoryHub(clock)
    const node = () => serve(t, { adapter: new MemoryAdapter(hub), clock, handlerTimeout: 1_000 })
    const [a, b] = [await node(), await node()]
    const clients = [await a.enter(), await b.enter()] as const
    a.fates.order = () => new Promise(() => {})
    const order = (client: TestClient) => client.request('order', 'shop/1', 'tea', 'm1')
    const first = order(clients[0])
    await clients[0].next('ordered')
    clock.advance(1_000)
    t.match(await first, { payload: { code: 'timeout', appended: 1 } })
    const copies = clients.map(order)
    for (const client of clients) await client.request('ping')
    await clock.advanceAsync(1_000)
    for (const copy of copies) t.match(await copy, { type: 'error', payload: { code: 'timeout', appended: 1 } })
    t.notOk(b.seen.includes('run after 1'), 'the first attempt has the claim')
  })
