import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { connect, StopConnecting } from '../../../lib/client/index.ts'
import { FakeClock } from '../../../lib/testing/fake-clock.ts'
import { FakeNetwork } from '../../../lib/testing/fake-web-socket.ts'
import { joinDoc, noNetwork, startDoc, typesOf } from '../../support/doc-client.ts'

t.test('client: ready() resolves when the client is open, or rejects', async (t) => {
  const { client, open } = startDoc()
  const ready = client.ready()
  await open()
  await ready
  await client.ready()
  const abort = new AbortController()
  abort.abort(new Error('enough'))
  await t.rejects(client.ready({ signal: abort.signal }), { message: 'enough' })
  const signal = Object.assign(new EventTarget(), { aborted: true }) as AbortSignal
  await t.rejects(client.ready({ signal }), { message: 'aborted' }, 'React Native gives no reason')
  client.close()
  await t.rejects(client.ready(), { code: 'closed', message: /open\(\)/ })
})

t.test('client: ready() without a connection says so, and why', async (t) => {
  const { client, clock, network } = startDoc({ timeout: 700 })
  const ready = client.ready()
  await setImmediate()
  network.last.end(1006)
  await setImmediate()
  clock.advance(700)
  const message = /^'ready' failed with disconnected: no connection within 700 ms: the server cannot be reached/
  await t.rejects(ready, { code: 'disconnected', message })
})

t.test('client: a closed client is opened again with its channels and listeners', async (t) => {
  for (const end of ['close', 1008, 1009, 3003] as const) {
    const { client, socket, seen, open, doc, clock } = await joinDoc()
    if (end === 'close') client.close()
    else socket.end(end)
    t.equal(client.state, 'closed')
    await t.rejects(doc.send('look'), { code: 'closed' })
    await t.rejects(client.join('doc/:id', { id: '2' }, { onResync: 'ignore' }), { code: 'closed' })
    client.open()
    client.open()
    t.equal(client.state, 'connecting')
    const next = await open()
    t.strictSame(typesOf(next), ['join'])
    t.equal(client.state, 'recovering')
    next.ack('join', { epoch: 'a', offset: 0, hash: 'l0', recovered: true, messages: [] })
    t.equal(client.state, 'open')
    t.equal(seen.at(-1), 'recovered')
    client.close()
    clock.advance(0)
    t.equal(clock.pending, 0)
  }
})

t.test('client: autoConnect: false connects with the first use', async (t) => {
  const uses: ReadonlyArray<(client: ReturnType<typeof startDoc>['client']) => unknown> = [
    (client) => client.open(),
    (client) => client.ready(),
    (client) => client.join('doc/:id', { id: '1' }, { onResync: 'ignore' })
  ]
  for (const use of uses) {
    const { client, network, states, open } = startDoc({ autoConnect: false })
    await setImmediate()
    t.equal(client.state, 'idle')
    t.equal(network.sockets.length, 0)
    const used = Promise.resolve(use(client)).catch(() => {})
    await open()
    t.strictSame(states.slice(0, 2), ['connecting', 'open'])
    client.close()
    await used
  }
})

t.test('client: where pages are rendered, a relative URL does not connect and does not throw', async (t) => {
  const { WebSocket: Platform } = globalThis
  t.teardown(() => {
    globalThis.WebSocket = Platform
    Reflect.deleteProperty(globalThis, 'location')
  })
  Reflect.set(globalThis, 'WebSocket', undefined)
  const network = new FakeNetwork()
  const client = connect('/ws', { clock: new FakeClock(), fetch: noNetwork })
  t.equal(client.state, 'idle')
  t.throws(() => client.open(), { name: 'TypeError', message: /connect to '\/ws': pass a ws: or wss: URL/ })
  await t.rejects(client.join('news', {}), TypeError)
  client.close()
  Reflect.set(globalThis, 'location', { href: 'https://app.test/' })
  Reflect.set(globalThis, 'WebSocket', network.WebSocket)
  client.open()
  await setImmediate()
  t.equal(network.last.url, 'wss://app.test/ws')
})

t.test('client: a message that the server would not take is rejected alone', async (t) => {
  const { client, network, join } = startDoc()
  await setImmediate()
  const socket = network.last
  socket.accept({ limits: { messageBytes: 200, channelLength: 256, depth: 64 }, patterns: ['doc/:id', 'news'] })
  const joining = join()
  socket.ack('join', { idempotent: ['edit'] })
  const doc = await joining
  const text = 'é'.repeat(80)
  await t.rejects(doc.send('edit', { text }), { code: 'payload_too_large', message: /the server takes 200 bytes/ })
  const before = socket.sent.length
  await t.rejects(
    client.join('doc/:id' as never, { id: '1/2' } as never, { onResync: 'ignore' } as never), { name: 'UsageError' }
  )
  await t.rejects(client.join('docs/2' as never, {} as never, {} as never), { code: 'unknown_channel' })
  t.equal(socket.sent.length, before)
  t.equal(client.state, 'open')
})

t.test('client: the connection is open when the server has said what it takes', async (t) => {
  const { client, network } = startCalls()
  const sends = [70_000, 80_000].map((length) => client.trySend('say', 'x'.repeat(length)))
  await setImmediate()
  const socket = network.last
  socket.dispatchEvent(new Event('open'))
  t.equal(client.state, 'connecting')
  socket.say({ type: 'welcome', payload: { limits: { messageBytes: 75_000 }, patterns: ['doc/:id'] } })
  t.equal(client.state, 'open')
  t.strictSame(typesOf(socket), ['say'])
  socket.ack('say')
  t.match(await Promise.all(sends), [{ ok: true }, { ok: false, error: { code: 'payload_too_large' } }])
  const joining = client.join('doc/:id', { id: '1' })
  socket.ack('join')
  t.equal((await joining).address, 'doc/1', 'an address that a pattern has')
})

t.test('client: what waits for the first connection is rejected by close()', async (t) => {
  const { client } = startCalls()
  const calls = [client.send('say', 'a'), client.ready()]
  client.close()
  for (const call of calls) await t.rejects(async () => { await call }, { code: 'closed' })
})

t.test('client: trySend rejects when its signal aborts', async (t) => {
  const { client } = startCalls()
  await t.rejects(client.trySend('say', 'a', { signal: AbortSignal.abort(new Error('enough')) }), { message: 'enough' })
})

t.test('client: what JSON cannot carry is invalid_payload', async (t) => {
  const { doc, socket } = await joinDoc()
  const before = socket.sent.length
  const cycle: Record<string, unknown> = {}
  cycle['self'] = cycle
  for (const text of [
    1n, cycle, () => {}, Symbol('s'), NaN, Infinity, [undefined], '\ud800', { '\udc00': 1 }, 'a\ud83d'
  ]) await t.rejects(doc.send('edit', { text } as never), { code: 'invalid_payload', cause: { name: 'TypeError' } })
  t.equal(socket.sent.length, before)
  const sending = doc.send('look', { absent: undefined, text: '😀\\ud800' } as never)
  t.strictSame(socket.latest('look')?.payload, { text: '😀\\ud800' })
  socket.ack('look')
  await sending
})

t.test('client: an error has the line of its caller', async (t) => {
  const { doc, socket } = await joinDoc()
  const sending = doc.send('look')
  socket.refuse('look', { code: 'internal', message: 'failed' })
  const error = await sending.catch((error: Error) => error) as Error
  t.match(error.stack, /^RequestError: 'look' on 'doc\/1' failed with internal: failed\n/)
  t.match(error.stack, /calls\.test/)
})

t.test('client: a call ends with its own timeout or signal', async (t) => {
  const { doc, socket, clock } = await joinDoc()
  const looking = doc.send('look', undefined, { timeout: 100 })
  clock.advance(100)
  await t.rejects(looking, { code: 'timeout' })
  const editing = doc.trySend('edit', { text: 'a' }, { timeout: 100 })
  clock.advance(100)
  t.match(await editing, { ok: false, error: { code: 'unknown_outcome' } })
  const abort = new AbortController()
  const aborted = doc.send('edit', { text: 'b' }, { signal: abort.signal })
  abort.abort(new Error('enough'))
  await t.rejects(aborted, { message: 'enough' })
  socket.ack('edit', 1)
})

t.test('client: refresh() sends a new token now, and rejects when the server refuses it', async (t) => {
  const tokens = ['a', 'b', '', 'c']
  const { client, open, network } = startDoc({ token: () => tokens.shift() ?? new StopConnecting('logged out') })
  const socket = await open()
  const refreshed = client.refresh()
  await setImmediate()
  t.strictSame(socket.latest('refresh')?.payload, { token: 'b' })
  socket.ack('refresh')
  await refreshed
  await client.refresh()
  t.equal(socket.sent.length, 1, 'an empty token is none')
  const refused = client.refresh()
  await setImmediate()
  socket.refuse('refresh', { code: 'invalid_token', message: 'no' })
  await t.rejects(refused, { code: 'invalid_token' })
  await client.refresh()
  t.equal(client.state, 'closed')
  await client.refresh()
  t.equal(network.sockets.length, 1)
})

t.test('client: refresh() without a connection ends the wait for the next attempt', async (t) => {
  const { client, open, network } = startDoc({ token: () => 'a' })
  await open()
  network.last.end(1006)
  await client.refresh()
  await setImmediate()
  t.equal(network.sockets.length, 2)
})

t.test('client: a page that is left closes the connection with 4001, and comes back', async (t) => {
  const window = new EventTarget()
  const { client, network, states, open } = startDoc({ networkEvents: window as never })
  await open()
  window.dispatchEvent(new Event('pagehide'))
  t.equal(network.last.closedWith, 4001)
  window.dispatchEvent(new Event('pageshow'))
  await setImmediate()
  t.equal(network.sockets.length, 2)
  t.strictSame(states, ['open', 'connecting'])
  client.close()
  t.equal(network.last.closedWith, 1000)
})

t.test('client: the window of React Native, which has no events, is no source', async (t) => {
  Reflect.set(globalThis, 'window', {})
  t.teardown(() => Reflect.deleteProperty(globalThis, 'window'))
  const { open, client } = startDoc()
  await open()
  t.equal(client.state, 'open')
})

/** A client that knows no contract. */
function startCalls () {
  const network = new FakeNetwork()
  const options = { WebSocket: network.WebSocket, clock: new FakeClock(), fetch: noNetwork }
  const client = connect('wss://api.test/ws', options)
  const open = async () => {
    await setImmediate()
    network.last.accept()
    return network.last
  }
  return { client, network, open }
}

/** A clock whose reading is that of `skew` milliseconds later. */
function skewed (inner: FakeClock, skew: () => number) {
  return {
    now: () => inner.now() + skew(),
    setTimeout: (fn: () => void, ms: number) => inner.setTimeout(fn, ms),
    clearTimeout: (timer: unknown) => inner.clearTimeout(timer)
  }
}

t.test('client: a timer that fires late reads what has arrived before it judges', async (t) => {
  for (let run = 0; run < 50; run++) {
    const inner = new FakeClock()
    let skewMs = 0
    const started = startDoc({ clock: skewed(inner, () => skewMs) })
    const socket = await started.open()
    const joining = started.join()
    socket.ack('join', { epoch: undefined })
    const doc = await joining
    /** The thread is blocked: what is due fires late, before anything that arrived is read. */
    const block = (dueMs: number) => {
      skewMs += 1000 * (run + 1)
      inner.advance(dueMs)
    }
    inner.advance(25_000)
    block(10_000)
    socket.ack('ping')
    inner.advance(1000)
    const looking = doc.send('look', undefined, { timeout: 5000 })
    block(5000)
    socket.ack('look')
    await looking
    if (started.client.state !== 'open') t.fail(`not open in run ${run}`)
    started.client.close()
  }
  t.pass('50 runs without a false loss')
})

t.test('client: a server that does not answer a ping is lost after 10 s', async (t) => {
  const { client, clock } = await joinDoc()
  clock.advance(25_000 + 9_999)
  t.equal(client.state, 'open')
  clock.advance(1)
  t.equal(client.state, 'connecting')
})
