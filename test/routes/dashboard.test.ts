import { performance } from 'node:perf_hooks'
import t, { type Test } from 'tap'
import type { Adapter } from '../../lib/cluster/adapter.ts'
import { MemoryAdapter, MemoryHub } from '../../lib/memory/memory-adapter.ts'
import type { Envelope } from '../../lib/protocol/envelope.ts'
import type { Recovery } from '../../lib/protocol/history.ts'
import { FakeClock } from '../../lib/testing/fake-clock.ts'
import { TestClient } from '../../lib/testing/test-client.ts'
import type { Board, Delta } from '../../routes/dashboard/board.ts'
import { metrics } from '../../routes/dashboard/dashboard.contract.ts'
import { dashboardRoutes } from '../../routes/dashboard/dashboard.routes.ts'
import { ProcessReader } from '../../routes/dashboard/process-reader.ts'
import { Publisher } from '../../routes/dashboard/publisher.ts'
import { sampleOf, type Readings } from '../../routes/dashboard/sample.ts'
import { Sampler, type Reader } from '../../routes/dashboard/sampler.ts'
import { serveDemo } from '../support/demo.ts'
import { cases } from '../support/long-form.ts'
import { listen, makeApp, type Served } from '../support/serve.ts'
import { adapterWith } from '../support/adapter-with.ts'

const utilisation = (active: number, idle: number) => ({ active, idle, utilization: active / (active + idle) })
const totals = {
  published: 0,
  received: 0,
  dropped: 0,
  poison: 0,
  messagesIn: 0,
  messagesOut: 0,
  bytesIn: 0,
  bytesOut: 0,
  rejections: {}
}
const quiet: Readings = {
  at: 0,
  loop: { p50: 0, p99: 0, utilisation: utilisation(0, 0) },
  cpu: 0,
  memory: { rss: 0, heapUsed: 0 },
  load: 0,
  status: { state: 'up', node: 'a', connections: 0, contracts: {}, rooms: 0, counters: totals }
}

t.test('sample: it holds the difference of two readings in three digits', async (t) => {
  const busy: Readings = {
    at: 2_000,
    loop: { p50: 0.12345, p99: 98.765, utilisation: utilisation(500, 1_500) },
    cpu: 300,
    memory: { rss: 123_456_789, heapUsed: 45_678_901 },
    load: 1.5,
    status: {
      state: 'up',
      node: 'a',
      connections: 1_234,
      contracts: {},
      rooms: 5,
      roundTrip: 0.45678,
      counters: {
        ...totals,
        messagesIn: 2_000,
        messagesOut: 4_000,
        bytesIn: 10_000,
        bytesOut: 123_456,
        rejections: { rate_limited: 7 }
      }
    }
  }
  t.strictSame(sampleOf(quiet, busy), {
    'loop.p50': 0.123,
    'loop.p99': 98.8,
    'loop.busy': 25,
    cpu: 15,
    'memory.rss': 123,
    'memory.heap': 45.7,
    'messages.in': 1_000,
    'messages.out': 2_000,
    'bytes.in': 5,
    'bytes.out': 61.7,
    connections: 1_234,
    rooms: 5,
    load: 1.5,
    redis: 0.457,
    'rejected.rate_limited': 7
  })
  t.notOk('redis' in sampleOf(quiet, { ...quiet, at: 1 }), 'where there is no Redis')
})

/** The event loop is held up for so long, and then turns once: a timer that is due runs. */
async function block (ms: number): Promise<void> {
  const until = performance.now() + ms
  while (performance.now() < until);
  await new Promise((resolve) => setImmediate(resolve))
}

t.test('process reader: a blocked event loop shows in its readings', async (t) => {
  const reader = new ProcessReader(() => quiet.status)
  t.teardown(() => reader.close())
  const before = reader.read()
  for (const ms of [15, 15, 100, 15, 15, 15]) await block(ms)
  const sample = sampleOf(before, reader.read())
  t.ok(sample['loop.p99'] as number > 60, `${sample['loop.p99']} ms`)
  t.ok((sample['loop.p50'] as number) < (sample['loop.p99'] as number))
  t.ok((sample['loop.busy'] as number) > 30 && (sample['loop.busy'] as number) <= 100)
  t.ok(sample['cpu'] as number > 0)
  t.ok((sample['memory.rss'] as number) > (sample['memory.heap'] as number))
  t.equal(reader.read().loop.p99, 0, 'each reading starts from zero')
})

t.test('sampler: it samples each second until it is stopped', async (t) => {
  const clock = new FakeClock()
  let isClosed = false
  const reader: Reader = {
    read: () => ({ ...quiet, at: clock.now(), cpu: clock.now() ** 2 / 1_000 }), close: () => { isClosed = true }
  }
  const sampler = new Sampler(reader, clock)
  sampler.start()
  clock.advance(999)
  t.strictSame(sampler.latest, {})
  clock.advance(1)
  t.equal(sampler.latest['cpu'], 100)
  clock.advance(1_000)
  t.equal(sampler.latest['cpu'], 300)
  sampler.stop()
  t.equal(clock.pending, 0)
  t.ok(isClosed)
})

/** One node whose dashboard lives by the test's clock and says what the test says. */
async function serveNode (
  t: Test, clock: FakeClock, adapter: Adapter, said: Record<string, number> | (() => Record<string, number>)
): Promise<Served> {
  const report = typeof said === 'function' ? said : () => said
  const { app, sink } = await makeApp(t, { adapter, limits: false, report })
  const sampler = new Sampler({ read: () => quiet, close: () => {} }, clock)
  await app.register(dashboardRoutes, { sampler, clock, random: () => 0 })
  return listen(app, sink)
}

/** Each node has two timers: the sampler's, and the publisher's once its turn is over. */
async function second (clock: FakeClock, nodes: number): Promise<void> {
  clock.advance(1_000)
  while (clock.pending < 2 * nodes) await new Promise((resolve) => setImmediate(resolve))
}

const idOf = ({ app }: Served) => app.channels.status().node
const watch = ({ url }: Served) => TestClient.connect(`${url}/ws/dashboard`)
const deltaOf = (envelope: Envelope) => envelope.payload as Delta
const messagesOf = async ({ app }: Served) =>
  (await app.rooms.of(metrics).read({ ...(await app.rooms.of(metrics).read()).position, offset: 0, hash: '' })).messages

t.test('dashboard server: a joining client gets the board, then a delta each second', async (t) => {
  const clock = new FakeClock(1_000_000)
  let said: Record<string, number> = { cpu: 1, rooms: 1 }
  const node = await serveNode(t, clock, new MemoryAdapter(), () => said)
  const id = idOf(node)
  await second(clock, 1)
  const client = await watch(node)
  const { payload } = await client.request('join', 'metrics')
  t.match(payload, {
    recovered: false,
    snapshot: {
      offset: 1,
      state: {
        metrics: { [`${id}/cpu`]: 1, [`${id}/rooms`]: 1 }, points: { at: [1_001_000], series: { [`${id}/cpu`]: [1] } }
      }
    },
    messages: []
  })
  said = { cpu: 2, rooms: 1 }
  await second(clock, 1)
  t.match(
    await client.next('changed'), { offset: 2, payload: { at: 1_002_000, by: id, set: { [`${id}/cpu`]: 2 }, del: [] } }
  )
  said = { cpu: 2 }
  await second(clock, 1)
  t.strictSame(deltaOf(await client.next('changed')), { at: 1_003_000, by: id, set: {}, del: [`${id}/rooms`] })
})

t.test('publisher: of two nodes that start together one appends the deltas of both', async (t) => {
  const clock = new FakeClock()
  const hub = new MemoryHub()
  const nodes = [
    await serveNode(t, clock, new MemoryAdapter(hub), { cpu: 1 }),
    await serveNode(t, clock, new MemoryAdapter(hub), { cpu: 2 })
  ] as const
  for (let i = 0; i < 10; i++) await second(clock, 2)
  const messages = await messagesOf(nodes[0])
  t.strictSame(
    messages.map(({ payload }) => (payload as Delta).at), Array.from({ length: 10 }, (_, i) => (i + 1) * 1_000)
  )
  t.strictSame((messages[0]?.payload as Delta).set, { [`${idOf(nodes[0])}/cpu`]: 1, [`${idOf(nodes[1])}/cpu`]: 2 })
})

t.test('publisher: another node takes over for one that is gone, and its metrics are removed', async (t) => {
  const clock = new FakeClock()
  const hub = new MemoryHub()
  const first = await serveNode(t, clock, new MemoryAdapter(hub), { cpu: 1 })
  await second(clock, 1)
  const other = await serveNode(t, clock, new MemoryAdapter(hub), { cpu: 2 })
  await second(clock, 2)
  await second(clock, 2)
  const client = await watch(other)
  const ack = (await client.request('join', 'metrics')).payload as Recovery
  t.match((ack.snapshot?.state as Board).metrics, { [`${idOf(first)}/cpu`]: 1, [`${idOf(other)}/cpu`]: 2 })
  const gone = idOf(first)
  await first.app.close()
  const died = clock.now()
  while (!client.log.some(({ type }) => type === 'changed')) await second(clock, 1)
  t.ok(clock.now() - died <= 4_000, `after ${clock.now() - died} ms`)
  const takenOver = deltaOf(await client.next('changed'))
  t.strictSame(takenOver.del, [], 'it may only be late')
  let delta = takenOver
  while (delta.del.length === 0) {
    await second(clock, 1)
    delta = deltaOf(await client.next('changed'))
  }
  t.strictSame(delta, { at: takenOver.at + 3_000, by: idOf(other), set: {}, del: [`${gone}/cpu`] })
})

t.test('publisher: a node whose append comes too late takes in the other node\'s delta', async (t) => {
  const clock = new FakeClock()
  const { app } = await serveNode(t, new FakeClock(), new MemoryAdapter(), {})
  const room = app.rooms.of(metrics)
  const failures: unknown[] = []
  const quicker: Board = { metrics: { 'quick/cpu': 1 }, points: { at: [1], series: { 'quick/cpu': [1] } } }
  const publisher = new Publisher({
    node: 'slow',
    room,
    nodes: async () => {
      const { position } = await room.read()
      if (position.offset === 0) {
        await room.append(
          'changed', { at: 1, by: 'quick', set: quicker.metrics, del: [] }, { after: position, snapshot: quicker }
        )
      }
      return { results: [{ node: 'slow', connections: 0, rooms: 0, uptime: 0, report: { cpu: 9 } }], missing: [] }
    },
    clock,
    random: () => 0,
    failed: (error) => failures.push(error)
  })
  const turn = async () => {
    clock.advance(1_000)
    while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  publisher.start()
  await turn()
  await turn()
  t.equal((await room.read()).position.offset, 1, 'it waits for the quicker one')
  await turn()
  const { snapshot } = await room.read()
  t.strictSame((snapshot?.state as Board).metrics, { 'quick/cpu': 1, 'slow/cpu': 9 })
  t.strictSame(failures, [])
  publisher.stop()
  t.equal(clock.pending, 0)
})

t.test('publisher: a failed second is reported and followed by another, unless it was stopped', async (t) => {
  const clock = new FakeClock()
  const failures: unknown[] = []
  let fail = (_error: Error) => {}
  const room = {
    read: () => new Promise<never>((_resolve, reject) => { fail = reject }),
    append: async () => { throw new Error('never reached') }
  }
  const publisher = new Publisher({
    node: 'a',
    room,
    nodes: async () => ({ results: [], missing: [] }),
    clock,
    random: () => 0.5,
    failed: (error) => failures.push(error)
  })
  publisher.start()
  clock.advance(1_000)
  fail(new Error('away'))
  while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve))
  t.match(failures, [{ message: 'away' }])
  t.equal(clock.next, 625, 'sooner than a second, and not at the same time as others')
  clock.advance(625)
  publisher.stop()
  fail(new Error('away again'))
  while (failures.length < 2) await new Promise((resolve) => setImmediate(resolve))
  t.equal(clock.pending, 0)
})

t.test('publisher: a failed append is reported and followed by another', async (t) => {
  const clock = new FakeClock()
  const failures: unknown[] = []
  const position = { epoch: 'e', offset: 0, hash: '' }
  const room = {
    read: async () => ({ position, messages: [] }), append: async () => { throw new Error('history_full') }
  }
  const publisher = new Publisher({
    node: 'a',
    room,
    nodes: async () => ({ results: [], missing: [] }),
    clock,
    random: () => 0,
    failed: (error) => failures.push(error)
  })
  publisher.start()
  for (let i = 0; i < 2; i++) {
    clock.advance(1_000)
    while (failures.length <= i) await new Promise((resolve) => setImmediate(resolve))
    while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  t.match(failures, [{ message: 'history_full' }, { message: 'history_full' }])
  publisher.stop()
})

t.test('publisher: while the history is unavailable the node logs it at debug and continues', async (t) => {
  const clock = new FakeClock()
  const { logged } = await serveNode(
    t, clock, adapterWith({ history: { read: async () => { throw new Error('away') } } }), {}
  )
  await second(clock, 1)
  t.match(await logged('the dashboard misses a second'), { err: { code: 'unavailable' } })
})

t.test('dashboard server: when 10 % of 200 metrics change, a delta is at most 0.15 of the map in bytes', async (t) => {
  const clock = new FakeClock(1.7e12)
  let now = 0
  const all = () =>
    Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`metric.number${i}`, i % 10 === 0 ? now + i / 8 : i / 8]))
  const node = await serveNode(t, clock, new MemoryAdapter(), all)
  await second(clock, 1)
  const client = await watch(node)
  const { snapshot } = (await client.request('join', 'metrics')).payload as Recovery
  now++
  await second(clock, 1)
  const delta = await client.next('changed')
  t.equal(Object.keys(deltaOf(delta).set).length, 20)
  const ratio = JSON.stringify(delta).length / JSON.stringify((snapshot?.state as Board).metrics).length
  t.ok(ratio <= 0.15, `${ratio}`)
})

const watchers = cases(1_000, 200)

t.test(`dashboard server: ${watchers} watchers cost one encoding a second`, async (t) => {
  const clock = new FakeClock()
  const node = await serveNode(t, clock, new MemoryAdapter(), { cpu: 1 })
  await second(clock, 1)
  const clients = await Promise.all(Array.from({ length: watchers }, () => watch(node)))
  t.teardown(async () => { for (const client of clients) client.terminate() })
  await Promise.all(clients.map((client) => client.request('join', 'metrics')))
  const encodings = t.capture(JSON, 'stringify', JSON.stringify)
  await second(clock, 1)
  const received = await Promise.all(clients.map((client) => client.next('changed')))
  t.ok(received.every(({ offset }) => offset === 2))
  // The demo of another test in this process publishes too, by the time of the machine.
  const encoded = encodings().map(({ args: [value] }) => value as Partial<Envelope & Board>)
  const deltas = encoded.filter(({ type, payload }) => type === 'changed' && (payload as Delta).by === idOf(node))
  t.equal(deltas.length, 1, 'the delta')
  t.equal(encoded.filter(({ points, metrics = {} }) => points && `${idOf(node)}/cpu` in metrics).length, 1, 'the board')
  t.ok(encoded.length < watchers / 10, `${encoded.length} in all`)
})

t.test('dashboard server: the demo serves its own metrics to everyone', async (t) => {
  const { app, url } = await serveDemo(t)
  const client = await TestClient.connect(`${url}/ws/dashboard`)
  await client.request('join', 'metrics')
  const { node } = app.channels.status()
  let { set } = deltaOf(await client.next('changed'))
  while (!(`${node}/memory.rss` in set)) set = deltaOf(await client.next('changed')).set
  t.ok(set[`${node}/memory.rss`] as number > 10)
  t.equal(set[`${node}/connections`], 1)
})
