import t from 'tap'
import { WebSocket } from 'ws'
import { FullClient } from '../../lib/client/features/full-client.ts'
import { connect, type UntypedClient, type RequestError } from '../../lib/client/index.ts'
import { Requests } from '../../lib/client/requests/requests.ts'
import { Connection } from '../../lib/client/transport/connection.ts'
import { FakeClock } from '../../lib/testing/fake-clock.ts'
import type { TestClient } from '../../lib/testing/test-client.ts'
import { fileDescriptors } from '../support/hostile/flood-bystander.ts'
import { FloodProcess } from '../support/hostile/flood-process.ts'
import { HeapCensus } from '../support/hostile/heap-census.ts'
import { cases } from '../support/long-form.ts'
import { Target, turnsUntil } from '../support/hostile/target.ts'

const cycles = cases(50, 25)
const warmUp = 10
const perCycle = cases(100, 24)
const allowedPerCycle = 1_024

/**
 * What V8 learns while it runs stays in the heap, and takes thousands of connections to settle. Learnt at once, or not
 * at all, it cannot be mistaken for a leak, nor hide one.
 */
const steady = ['--no-opt', '--no-sparkplug', '--no-lazy-feedback-allocation', '--no-flush-bytecode']

/** Connects, joins, talks and goes: every other one without a word. */
async function visit (server: FloodProcess, visitor: number): Promise<void> {
  const client = await server.connect(`visitor-${visitor}`)
  const channel = `lab/${visitor % 10}`
  await client.request('join', channel)
  await client.request('echo', channel, { value: visitor })
  await client.request('note', channel, { text: 'hello' })
  // Under way when its sender goes: nobody is there to be answered.
  client.send({ type: 'note', channel, payload: { text: 'goodbye' }, correlationId: 'unanswered' })
  await (visitor % 2 === 0 ? crash(client) : client.close())
}

async function crash (client: TestClient): Promise<void> {
  client.terminate()
  await client.closed
}

/**
 * The median of the slopes of all pairs: a sample that a late compilation lifted does not bend it, as it would least
 * squares.
 */
function theilSen (samples: readonly number[]): number {
  const slopes = samples.flatMap((y, i) =>
    samples.slice(0, i).map((earlier, j) => (y - earlier) / (i - j))).sort((a, b) =>
    a - b)
  return slopes[Math.floor(slopes.length / 2)] as number
}

/** A leak grows all along; what is learnt late is a step, and bends one half at most. */
function growth (samples: readonly number[]): number {
  const half = Math.floor(samples.length / 2)
  return Math.min(theilSen(samples.slice(0, half)), theilSen(samples.slice(half)))
}

function leastSquares (samples: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const xs = samples.map((_, i) => i)
  const [x, y] = [mean(xs), mean(samples)]
  return xs.reduce(
    (sum, at, i) => sum + (at - x) * (samples[i] as number - y), 0
  ) / xs.reduce((sum, at) => sum + (at - x) ** 2, 0)
}

t.test('the slopes are what they say', async (t) => {
  t.equal(leastSquares([1, 3, 5, 7]), 2)
  t.equal(theilSen([1, 3, 5, 7]), 2)
  t.equal(theilSen([1, 3, 500, 7, 9]), 2, 'one sample that is off')
  t.equal(growth([0, 0, 0, 0, 900, 900, 900, 900, 900, 900]), 0, 'a step in the middle')
  t.equal(growth([0, 2, 4, 6, 908, 910, 912, 914, 916, 918]), 2, 'a step on the way up')
})

t.test('leaks: thousands of connections leave neither objects nor memory', { timeout: 280_000 }, async (t) => {
  const server = await FloodProcess.start(t, { limits: { perIp: 1_000 } }, steady)
  const cycle = async () => {
    await Promise.all(Array.from({ length: perCycle }, (_, visitor) => visit(server, visitor)))
    t.ok(await server.ask('isQuiet'), 'nobody is left')
    return (await server.ask('memory')).heapUsed
  }
  await cycle()
  const before = await server.ask('census')
  const heap: number[] = []
  for (let i = 0; i < cycles; i++) heap.push(await cycle())
  t.strictSame(await server.ask('census'), before)
  t.strictSame(before.alive, {}, 'nothing holds on to a connection, a session, a message or a room')
  t.equal(before.errors, 0)
  const settled = heap.slice(warmUp)
  t.comment(
    `heap ${settled[0]} -> ${settled.at(-1)}; slope per cycle in bytes: ${growth(settled)}, ` +
    `Theil-Sen of all ${theilSen(settled)}, least squares ${leastSquares(settled)}`
  )
  t.ok(growth(settled) < allowedPerCycle, `${growth(settled)} bytes a cycle`)
})

// --- The client library ---------------------------------------------------------------------------------------------

const ofClients = new HeapCensus({ FullClient, Connection, Requests })

type End = (visits: readonly Visit[], target: Target) => void

/** How connections end, and with which codes the requests under way fail then. */
const endings: ReadonlyArray<readonly [name: string, codes: readonly string[], end: End]> = [
  ['closes', ['closed'], (visits) => { for (const { client } of visits) client.close() }],
  ['is cut off, and closed while it waits to come back', ['disconnected', 'closed'], (visits, { app }) => {
    for (const { client } of visits) client.onState((state) => { if (state === 'connecting') client.close() })
    for (const socket of app.websocketServer.clients) socket.terminate()
  }],
  ['is sent away for good', ['closed'], (_visits, { app }) => {
    for (const { id } of app.registry.all()) app.registry.disconnect({ connectionId: id })
  }]
]

for (const [name, codes, end] of endings) {
  t.test(`a client that ${name} has no reply pending, no timer, and is collected`, { timeout: 30_000 }, async (t) => {
    const target = await Target.start(t)
    const clock = new FakeClock()
    const before = fileDescriptors()
    const failed = await leaveInTheMiddle(target, clock, end)
    t.strictSame([...new Set(failed)], codes, 'whatever was waited for has failed')
    t.equal(clock.pending, 0, 'no timer')
    for (const door of ['nobody', 'slow1']) target.journal.door(door).resolve()
    await target.prove(t)
    t.ok(await turnsUntil(() => fileDescriptors() === before), `${fileDescriptors()} of ${before} file descriptors`)
    t.strictSame(ofClients.alive(), {}, 'nothing holds on to one')
  })
}

interface Visit {
  readonly client: UntypedClient
  readonly closed: Promise<void>
  /** With which codes its requests under way fail. */
  readonly codes: Promise<string[]>
}

/** A function of its own, so that nothing of a client is left on the stack when they are counted. */
async function leaveInTheMiddle (target: Target, clock: FakeClock, end: End): Promise<string[]> {
  const visits = await Promise.all(Array.from({ length: 20 }, (_, visitor) => stay(target, clock, visitor)))
  end(visits, target)
  await Promise.all(visits.map(({ closed }) => closed))
  return (await Promise.all(visits.map(({ codes }) => codes))).flat()
}

/** A visitor who waits for three replies that do not come. */
async function stay (target: Target, clock: FakeClock, visitor: number): Promise<Visit> {
  const client = connect(
    `${target.url}/lab`, { WebSocket, clock, token: () => target.token(`visitor-${visitor}`), onError: () => {} }
  )
  const closed = new Promise<void>((resolve) => { client.onState((state) => { if (state === 'closed') resolve() }) })
  await new Promise<void>((resolve) => { client.onState((state) => { if (state === 'open') resolve() }) })
  const channel = await client.join('lab/:id', { id: `room${visitor}` })
  await channel.send('echo', { value: visitor })
  const pending = [
    channel.send('wait', { for: 'nobody' }), channel.send('nothing'), client.join('lab/:id', { id: 'slow1' })
  ]
  const codes = Promise.all(pending.map((reply) => reply.then(() => 'answered', ({ code }: RequestError) => code)))
  return { client, closed, codes }
}
