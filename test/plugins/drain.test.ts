import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import fastify from 'fastify'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { connect } from '../../lib/client/core.ts'
import { systemClock } from '../../lib/clock.ts'
import { MemoryAdapter, MemoryHub } from '../../lib/memory/memory-adapter.ts'
import { FakeClock } from '../../lib/testing/fake-clock.ts'
import { TestClient } from '../../lib/testing/test-client.ts'
import { channels, type ChannelsOptions } from '../../plugins/channels.ts'
import { settingsOf } from '../../plugins/settings.ts'
import { RawSocket } from '../support/hostile/raw-socket.ts'
import { root } from '../support/root.ts'
import { bearer, listen, makeApp, serveLab } from '../support/serve.ts'
import { implementLedger, implementOwn, type ledger } from '../support/lab.ts'
import { until } from '../support/until.ts'

const delayOf = async (client: TestClient) => ((await client.next('reconnect')).payload as { delay: number }).delay
const restart = { code: 1012, reason: 'server is restarting' }

/** A node that has another one beside it, so that its clients have somewhere to go. Its time stands still. */
async function serve (t: Test, options: ChannelsOptions = {}) {
  const clock = new FakeClock(Date.now())
  const hub = new MemoryHub(clock)
  const adapter = new MemoryAdapter(hub)
  const other = await serveLab(t, { adapter: new MemoryAdapter(hub), ...options })
  const drain = { wait: 0, spread: 4_000, timeout: 10_000, ...options.drain }
  const node = await serveLab(t, { clock, adapter, status: '/status', ...options, drain })
  t.teardown(() => { clock.advance(100_000) })
  const health = async () => (await fetch(`${node.http}/status`)).status
  const upgrade = () => TestClient.connect(`${node.url}/lab`, [], bearer(node.token('zoe'))).catch((error) => error)
  return { ...node, clock, other, health, upgrade, service: node.app.channels }
}

/** Whether a promise has settled. */
function watch (promise: Promise<unknown>) {
  const watched = { isDone: false }
  promise.then(() => { watched.isDone = true })
  return watched
}

t.test('drain: the status says so first, then upgrades are refused, then clients are asked to move', async (t) => {
  const { service, clock, connect, health, upgrade, http, token } = await serve(t, { drain: { wait: 3_000 } })
  const clients = []
  for (const name of ['a', 'b', 'c', 'd']) clients.push(await connect(name))
  t.equal(await health(), 200)
  const drained = watch(service.drain())
  t.equal(service.status().state, 'draining')
  t.equal(await health(), 503)
  await clock.advanceAsync(2_999)
  const late = await upgrade() as TestClient
  t.ok(late instanceof TestClient, 'an upgrade succeeds during `wait`')
  t.strictSame(clients.map(({ log }) => log.length), [0, 0, 0, 0], 'nobody is asked during `wait`')
  await clock.advanceAsync(1)
  const delays = await Promise.all([...clients, late].map(delayOf))
  t.strictSame(delays, [0, 800, 1_600, 2_400, 3_200], 'evenly over `spread`')
  t.match(await upgrade(), { status: 503, headers: { 'retry-after': '1' } })
  const plain = await fetch(`${http}/lab`, bearer(token('zoe')))
  t.match([plain.status, plain.headers.get('retry-after')], [503, '1'], 'the question why is answered alike')
  t.match(await (await connectTo(clients[0] as TestClient)).request('echo', 'lab/a', { value: 1 }), { type: 'ack' },
    'it serves as before')
  for (const client of [...clients, late]) await client.close(4001)
  await until(() => drained.isDone)
  t.pass('it is over as soon as nobody is left')
})

async function connectTo (client: TestClient): Promise<TestClient> {
  await client.request('join', 'lab/a')
  return client
}

t.test('drain: the quota of a connection is given back with the hint', async (t) => {
  const { connect, other, service } = await serve(t, { limits: { perUser: 1 } })
  const client = await connect('ann')
  t.match(await other.connect('ann').catch((error) => error), { status: 429 })
  service.drain()
  await client.next('reconnect')
  const next = await other.connect('ann')
  t.match(await next.request('join', 'lab/a'), { type: 'ack' })
  await client.close(4001)
  t.match(await other.connect('ann').catch((error) => error), { status: 429 }, 'given back once')
})

t.test('drain: a user who moves is neither gone nor there again for the others', async (t) => {
  const { connect, other, app } = await serve(t, { presenceGrace: 3_000 })
  const witness = await other.connect('bob')
  await witness.request('join', 'lab/a')
  const client = await connect('ann')
  await client.request('join', 'lab/a')
  await witness.next('presence')
  const closing = app.close()
  await client.next('reconnect')
  const next = await other.connect('ann')
  await next.request('join', 'lab/a')
  await client.close(4001)
  await closing
  await next.request('note', 'lab/a', { text: 'here' })
  await witness.next('noted')
  t.strictSame(witness.log.filter(({ type }) => type === 'presence').length, 1, 'only that she came')
})

t.test('drain: a handler in flight finishes, and its ack comes before the close', async (t) => {
  for (const end of ['drain', 'close'] as const) {
    t.test(end, async (t) => {
      const { app, connect, journal, clock } = await serve(t)
      const client = await connect('ann')
      await client.request('join', 'lab/a')
      const waiting = client.request('wait', 'lab/a', { for: 'door' })
      await journal.seen('waiting door')
      const ended = end === 'drain' ? app.channels.drain() : app.close()
      await client.next('reconnect')
      await clock.advanceAsync(9_999)
      journal.door('door').resolve()
      t.match(await waiting, { type: 'ack' })
      t.equal(journal.signals[0]?.aborted, false)
      clock.advance(1)
      t.strictSame(await client.closed, restart)
      await ended
    })
  }
})

t.test('drain: at `timeout` the signal of a handler is aborted, and it may still answer', async (t) => {
  const { service, connect, journal, clock } = await serve(t)
  const client = await connect('ann')
  await client.request('join', 'lab/a')
  const waiting = client.request('wait', 'lab/a', { for: 'door' })
  await journal.seen('waiting door')
  service.drain()
  await clock.advanceAsync(10_000)
  t.equal(journal.signals[0]?.aborted, true)
  journal.door('door').resolve()
  t.match(await waiting, { type: 'ack' })
  t.strictSame(await client.closed, restart)
})

t.test('drain: it takes `timeout` and 2 s at most, whatever clients, handlers and the adapter do', async (t) => {
  const clock = new FakeClock(Date.now())
  const adapter = new MemoryAdapter()
  adapter.close = () => new Promise(() => {})
  const options = { clock, adapter, drain: { timeout: 1_000 }, closeTimeout: 60_000, handlerTimeout: 60_000 }
  const { app, connect, journal, logged } = await serveLab(t, options)
  const [deaf, busy] = [await connect('ann'), await connect('bob')]
  deaf.webSocket.pause()
  await busy.request('join', 'lab/a')
  busy.send({ type: 'wait', channel: 'lab/a', payload: { for: 'ever' } })
  await journal.seen('waiting ever')
  busy.webSocket.pause()
  const ended = watch(app.close())
  await clock.advanceAsync(2_999)
  t.equal(ended.isDone, false)
  await clock.advanceAsync(1)
  await until(() => ended.isDone)
  t.match(await logged('the node did not sign off: its users leave when its lease is over'), { level: 40 })
  for (const { webSocket } of [deaf, busy]) webSocket.resume()
  t.match(await Promise.all([deaf.closed, busy.closed]), [restart, restart], 'the close frame was written all the same')
})

t.test('drain: without another node app.close() waits for handlers and not for clients', async (t) => {
  const { app, connect, journal } = await serveLab(t, { drain: { timeout: 600_000 } })
  const client = await connect('ann')
  await client.request('join', 'lab/a')
  const waiting = client.request('wait', 'lab/a', { for: 'door' })
  await journal.seen('waiting door')
  const closing = app.close()
  t.equal(await delayOf(client), 0)
  journal.door('door').resolve()
  t.match(await waiting, { type: 'ack' })
  t.strictSame(await client.closed, restart)
  await closing
})

t.test('drain: app.close() does not wait for clients that have sent no request, or a part of one', async (t) => {
  const { app, sink } = await makeApp(t)
  let finish = (_answer: string) => {}
  app.get('/slow', () => new Promise<string>((resolve) => { finish = resolve }))
  const { http } = await listen(app, sink)
  const port = Number(new URL(http).port)
  const sent = [
    '', 'GET /x HT', 'GET /lab HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n',
    'POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc'
  ]
  const sockets = await Promise.all(sent.map(async (text) => {
    const accepted = once(app.server, 'connection')
    const socket = await RawSocket.open(port)
    socket.write(text)
    await accepted
    return socket
  }))
  await until(() => sockets[3]?.received.includes('404') === true)
  const requested = once(app.server, 'request')
  const answer = fetch(`${http}/slow`)
  await requested
  const closed = app.close()
  await Promise.all(sockets.map(({ closed }) => closed))
  finish('done')
  t.equal(await (await answer).text(), 'done', 'a request that is being handled gets its answer')
  await closed
})

t.test('drain: calls share one drain, and app.close() ends its wait', async (t) => {
  const { app, service, connect, clock } = await serve(t, { drain: { wait: 600_000, spread: 0 } })
  const client = await connect('ann')
  const first = service.drain()
  t.equal(service.drain(), first)
  const closing = app.close()
  t.equal(await delayOf(client), 0)
  await clock.advanceAsync(10_000)
  t.strictSame(await client.closed, restart)
  await Promise.all([first, closing, service.drain()])
  t.equal(client.log.filter(({ type }) => type === 'reconnect').length, 1)
})

t.test('drain: without connections it is over at once, also before the server listens', async (t) => {
  const app = fastify()
  t.teardown(() => app.close())
  await app.register(channels, { identify: () => ({ id: 'ann' }), drain: { spread: 600_000, timeout: 600_000 } })
  app.ws('/own', [implementOwn()])
  await app.channels.drain()
  t.equal(app.channels.status().state, 'draining')
  t.match(await TestClient.inject(app, '/own').catch((error) => error), { status: 503 })
})

t.test('drain: an injected connection is asked, and closed', async (t) => {
  const app = fastify()
  t.teardown(() => app.close())
  await app.register(channels, { identify: () => ({ id: 'ann' }), drain: { timeout: 1 } })
  app.ws('/own', [implementOwn()])
  await app.ready()
  let client: TestClient | undefined
  await app.injectWS('/own', {}, { onInit: (webSocket) => { client = TestClient.over(webSocket as never) } })
  await app.channels.drain()
  t.strictSame(client?.log, [{ type: 'reconnect', payload: { delay: 0 } }])
  t.strictSame(await client?.closed, restart)
})

t.test('drain: a client without hand-over closes and comes back with its position, and misses nothing', async (t) => {
  const hub = new MemoryHub(systemClock)
  const start = async () => {
    const drain = { wait: 0, spread: 0, timeout: 10_000 }
    const { app, sink } = await makeApp(t, { adapter: new MemoryAdapter(hub), drain })
    app.ws('/ledger', {}, [implementLedger()])
    return listen(app, sink)
  }
  const [node, other] = [await start(), await start()]
  const urls = [`${node.url}/ledger`, `${other.url}/ledger`]
  class Balanced extends WebSocket {
    constructor (_url: string, protocols: string[]) { super(urls.shift() as string, protocols) }
  }
  const client = connect<typeof ledger>(`${node.url}/ledger`, {
    WebSocket: Balanced as never, token: () => node.token('ann'), random: () => 0
  })
  t.teardown(() => client.close())
  const written: string[] = []
  const states: string[] = []
  const room = await client.join('ledger/:id', { id: 'a' }, {
    onResync: 'ignore', on: { written: ({ text }) => written.push(text) }
  })
  client.onState((state) => states.push(state))
  const texts = (from: number) => Array.from({ length: 10 }, (_, i) => `${from + i}`)
  const write = async (from: number) => Promise.all(texts(from).map((text) => room.send('write', { text })))
  await write(0)
  const drained = node.app.channels.drain()
  await write(10)
  await until(() => states.length > 0)
  await write(20)
  await drained
  await until(() => written.length === 30)
  t.strictSame(states, ['connecting', 'recovering', 'open'])
  t.strictSame(written, [...texts(0), ...texts(10), ...texts(20)], 'each once, in order')
})

t.test('drain: the settings in docs/deployment.md give a process enough time', (t) => {
  const { drain } = settingsOf({ drain: { wait: 5_000 } })
  const page = readFileSync(`${root}docs/deployment.md`, 'utf8')
  const neededSeconds = (drain.wait + drain.timeout) / 1_000 + 2
  const graces = [...page.matchAll(/(TimeoutStopSec=|stop_grace_period: |terminationGracePeriodSeconds: )(\d+)/g)]
  t.equal(graces.length, 4)
  for (const [, name, seconds] of graces) t.ok(Number(seconds) > neededSeconds, `${name}${seconds} > ${neededSeconds}`)
  t.ok(page.includes('drain: { wait: 5_000 }'))
  t.end()
})
