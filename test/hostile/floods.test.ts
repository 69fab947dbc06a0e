import t, { type Test } from 'tap'
import { cases } from '../support/long-form.ts'
import { LogSink } from '../support/serve.ts'
import { Bystander, fileDescriptors } from '../support/hostile/flood-bystander.ts'
import { FloodProcess, join } from '../support/hostile/flood-process.ts'
import { fragments, frame, opcodes, ping, question, readAck, readClose, readFrames } from '../support/hostile/frames.ts'
import { handshake, readAnswer } from '../support/hostile/http.ts'
import type { RawSocket } from '../support/hostile/raw-socket.ts'
import { Target, turnsUntil, type TargetOptions } from '../support/hostile/target.ts'

/** Too much of everything, while somebody well-behaved is served on another connection. */

/** Far above what any flood takes. */
const patience = { timeout: 180_000 }

/** Of the bystander, where a flood is not about rates. */
const unhurried = { messages: { max: 1_000_000, timeWindow: 1_000 }, bytes: { max: 1_000_000_000, timeWindow: 1_000 } }
/** Requests of the bystander, where it is: the clock stands still, so nobody's budget refills. */
const withinBudget = 150

interface FloodCase {
  readonly options?: TargetOptions
  readonly rounds?: number
  /** How many of the bystander's replies come between the flood's first outcome and its last. */
  readonly atLeast: number
}

async function duringFlood (
  t: Test, { options = {}, rounds, atLeast }: FloodCase, flood: (target: Target, bystander: Bystander) => Promise<void>
): Promise<void> {
  const target = await Target.start(t, options)
  const descriptors = fileDescriptors()
  const client = await target.connect('bystander', 'lab/bystander')
  const bystander = new Bystander(client)
  await bystander.during(flood(target, bystander), rounds)
  t.ok(
    bystander.servedBetween >= atLeast,
    `${bystander.servedBetween} replies to the bystander among ${bystander.outcomes} outcomes`
  )
  await client.close()
  await target.prove(t)
  t.ok(
    await turnsUntil(() => fileDescriptors() === descriptors), `${fileDescriptors()} of ${descriptors} file descriptors`
  )
}

function times<T> (count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index))
}

async function oneByOne (count: number, attack: (index: number) => Promise<void>): Promise<void> {
  for (let index = 0; index < count; index++) await attack(index)
}

function count (of: readonly unknown[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const one of of) counts[String(one)] = (counts[String(one)] ?? 0) + 1
  return counts
}

// --- Upgrades -------------------------------------------------------------------------------------------------------

const waves = cases(4, 1)

t.test('a flood of upgrades without a token is answered 401 or 429', patience, (t) => duringFlood(t, {
  options: { channels: { limits: unhurried } }, atLeast: 10
}, async (target, bystander) => {
  const statuses: Array<number | undefined> = []
  const readRefusal = async (raw: RawSocket) => {
    const answer = await raw.until(readAnswer)
    statuses.push(answer?.status)
    bystander.outcome()
    if (answer?.status === 429) t.match(answer.headers, { 'retry-after': /^\d+$/ })
    // Not ended by us: nothing of it may wait for that.
    await raw.closed
  }
  for (let wave = 0; wave < waves; wave++) {
    const sockets = await Promise.all(times(500, () => target.open()))
    for (const raw of sockets) raw.write(handshake())
    await Promise.all(sockets.map(readRefusal))
  }
  t.equal(statuses.length, waves * 500)
  t.strictSame(statuses.filter((status) => status !== 401 && status !== 429), [])
  t.comment(count(statuses))
}))

t.test('200 upgrades whose identify never settles get 503 and release their quota', patience, async (t) => {
  let hanging = 0
  const options: TargetOptions = {
    channels: {
      upgradeTimeout: 1_000,
      limits: { ...unhurried, perIp: 210 },
      identify: (request) => {
        if (request.headers['x-hang'] === undefined) return request.jwtVerify()
        hanging++
        return new Promise(() => {})
      }
    }
  }
  await duringFlood(t, { options, atLeast: 50 }, async (target, bystander) => {
    // Twice: places that the first ones kept would be missing for the second.
    for (const wave of [1, 2]) {
      const sockets = await Promise.all(times(200, () => target.open()))
      for (const raw of sockets) raw.write(handshake({ headers: { 'x-hang': 'yes' } }))
      t.ok(await turnsUntil(() => hanging === wave * 200), 'all of them hang')
      await oneByOne(50, () => bystander.work())
      const newcomer = await target.connect('newcomer')
      t.match(await newcomer.request('ping'), { type: 'ack' })
      await newcomer.close()
      t.equal(sockets.filter(({ received }) => received.length > 0).length, 0, 'none is answered before the deadline')
      target.clock.advance(1_000)
      const answers = await Promise.all(sockets.map((raw) => raw.until(readAnswer)))
      t.strictSame(count(answers.map((answer) => answer?.status)), { 503: 200 })
      bystander.outcome()
      await Promise.all(sockets.map(({ closed }) => closed))
    }
  })
})

// --- Frames ---------------------------------------------------------------------------------------------------------

/** Bytes that wait in the server for peers to take them. */
function buffered (target: Target): number {
  return [...target.app.websocketServer.clients].reduce((sum, { bufferedAmount }) => sum + bufferedAmount, 0)
}

/** Writes until the server has enough of it; what waited for us at most. */
async function pour (target: Target, raw: RawSocket, chunk: Buffer, most: number): Promise<number> {
  let waited = 0
  for (let sent = 0; sent < most && !raw.isOver; sent += chunk.length) {
    await raw.flush(chunk)
    await new Promise((resolve) => setImmediate(resolve))
    waited = Math.max(waited, buffered(target))
  }
  return waited
}

const pings = (count: number) => Buffer.concat(times(count, () => ping('x'.repeat(125))))

t.test('floods of pings whose pongs nobody reads are ended, in one piece or in drops', patience, (t) => duringFlood(t, {
  options: { channels: { limits: unhurried } }, atLeast: 10
}, async (target, bystander) => {
  for (const chunk of [pings(1_000), pings(50), pings(10)]) {
    const raw = await target.upgraded('mallory')
    raw.pause()
    const waited = await pour(target, raw, chunk, 64 * 1024 * 1024)
    t.ok(raw.isOver, `ended by the server, at ${chunk.length} bytes a write`)
    t.ok(waited < 1024 * 1024, `${waited} bytes waited at most`)
    bystander.outcome()
    await raw.destroy()
  }
}))

t.test('messages in one-byte fragments are closed with 1008 at the 257th', patience, (t) => duringFlood(t, {
  options: { channels: { limits: unhurried } }, atLeast: 10
}, async (target, bystander) => {
  const patient = await target.upgraded('patient')
  patient.write(fragments(...question('pieces')))
  t.ok(await patient.until(readAck('pieces')), 'few enough are a message like any other')
  await patient.destroy()
  const one = frame('x', { fin: false, opcode: opcodes.continuation })
  await oneByOne(20, async () => {
    const raw = await target.upgraded('mallory')
    raw.write(Buffer.concat([frame('x', { fin: false }), ...times(255, () => one), ping('still here')]))
    t.ok(
      await raw.until((received) => readFrames(received).some(({ opcode }) => opcode === opcodes.pong) || undefined),
      '256 are borne'
    )
    raw.write(Buffer.concat(times(10_000, () => one)))
    t.match(await raw.until(readClose), { code: 1008 })
    bystander.outcome()
    await raw.closed
  })
}))

// --- Messages -------------------------------------------------------------------------------------------------------

interface Reply { readonly type: string, readonly payload?: { readonly code?: string, readonly retryAfter?: number } }

function replies (raw: RawSocket): Reply[] {
  return readFrames(raw.received).filter(({ opcode }) => opcode === opcodes.text)
    .map(({ payload }) => JSON.parse(String(payload)) as Reply).filter(({ type }) => type !== 'welcome')
}

function codes (raw: RawSocket): Record<string, number> {
  return count(
    replies(raw).flatMap(({ type, payload }) => type === 'ack' ? ['ack'] : type === 'error' ? [payload?.code] : [])
  )
}

function envelopes (...all: readonly object[]): Buffer {
  return Buffer.concat(all.map((envelope, i) => frame(JSON.stringify({ ...envelope, correlationId: `q${i}` }))))
}

/** A server whose log of warnings is kept apart, to be counted. */
function watched (): { sink: LogSink, options: TargetOptions } {
  const sink = new LogSink()
  return { sink, options: { server: { logger: { level: 'warn', stream: sink } } } }
}

const overRate = { code: 1008, reason: 'too many messages over the rate limit' }

t.test('messages over the rate get retryAfter, then 1008 and one log line', patience, async (t) => {
  const { sink, options } = watched()
  await duringFlood(t, { options, rounds: withinBudget, atLeast: 10 }, (target, bystander) => oneByOne(20, async () => {
    const raw = await target.upgraded('mallory')
    raw.write(envelopes(...times(1_000, () => ({ type: 'ping' }))))
    t.match(await raw.until(readClose), overRate)
    bystander.outcome()
    t.strictSame(codes(raw), { ack: 200, rate_limited: 101 })
    t.match(
      replies(raw)[200],
      { type: 'error', payload: { code: 'rate_limited', retryAfter: 5 } },
      'the first refusal says when'
    )
    await raw.destroy()
  }))
  t.strictSame(
    count(sink.lines.map(({ msg, level }) => `${level} ${msg}`)), { '40 too many messages over the rate limit': 20 }
  )
})

t.test('who keeps to the rate after a refusal is served again', patience, (t) => duringFlood(t, {
  options: { channels: { limits: { rateLimitErrors: { max: 100, timeWindow: 10_000 } } } }, rounds: 0, atLeast: 0
}, async (target) => {
  const raw = await target.upgraded('eager')
  raw.write(envelopes(...times(250, () => ({ type: 'ping' }))))
  await turnsUntil(() => replies(raw).length === 250)
  t.strictSame(codes(raw), { ack: 200, rate_limited: 50 })
  target.clock.advance(5)
  raw.write(frame(question('again')))
  t.ok(await raw.until(readAck('again')))
  await raw.destroy()
}))

/** What one connection asks for too often, and how many acks it may get at most. */
const repeated: ReadonlyArray<readonly [name: string, message: (index: number) => object, acks: number]> = [
  ['joins of ever new channels', (index) => ({ type: 'join', channel: `lab/j${index}` }), 100],
  [
    'joins and leaves of one channel',
    (index) => ({ type: index % 2 === 0 ? 'join' : 'leave', channel: 'lab/flooded' }),
    200
  ],
  [
    'joins and leaves of the channel that the bystander is in',
    (index) => ({ type: index % 2 === 0 ? 'join' : 'leave', channel: 'lab/bystander' }),
    200
  ],
  ['joins of one channel', () => ({ type: 'join', channel: 'lab/flooded' }), 1],
  ['leaves of channels that were never joined', (index) => ({ type: 'leave', channel: `lab/j${index}` }), 0]
]

const floods = cases(10, 3)

for (const [name, message, acks] of repeated) {
  t.test(`a flood of ${name} is closed with 1008, or crashes, and no room is left`, patience, async (t) => {
    const { sink, options } = watched()
    await duringFlood(t, {
      options: { ...options, channels: { limits: unhurried } }, atLeast: 5
    }, (target, bystander) => oneByOne(floods, async () => {
      const raw = await target.upgraded('mallory')
      raw.write(envelopes(...times(1_000, message)))
      t.match(await raw.until(readClose), overRate)
      bystander.outcome()
      const { ack = 0, rate_limited: limited } = codes(raw)
      t.ok(ack <= acks, `${ack} acks`)
      t.equal(limited, 101)
      await raw.destroy()
      const crashing = await target.upgraded('mallory')
      await crashing.flush(envelopes(...times(200, message)))
      await crashing.reset()
    }))
    t.strictSame(count(sink.lines.map(({ msg }) => msg)), { 'too many messages over the rate limit': floods })
  })
}

// --- Peers that stop reading ----------------------------------------------------------------------------------------

const readers = cases(200, 12)
const cap = 256 * 1024
const bytesEach = 60_000
/**
 * So many stop at once; the last of them only after the first have ended, so that the bystander is seen to be served
 * between.
 */
const group = cases(20, 6)
/** Far more than the system's own buffers take before a queue grows at all. */
const mostRounds = 500
/** What Node's heap and allocator take on top of what waits, whatever the cap is. */
const allowance = 16 * 1024 * 1024

type Speaker = (type: string, payload: unknown) => Promise<unknown>

/** How a message gets to everybody: one buffer for all members of a room, or one for each. */
const ways: ReadonlyArray<readonly [name: string, say: (server: FloodProcess, speak: Speaker) => Promise<unknown>]> = [
  ['a room broadcasts', (_server, speak) => speak('note', { text: 'x'.repeat(bytesEach) })],
  ['the server sends each one its own', (server) => server.ask('greet', 'bystander', bytesEach, 'bystander')]
]

async function stopReading (raw: RawSocket): Promise<void> {
  await join(raw, 'lab/bystander')
  raw.pause()
}

for (const [name, say] of ways) {
  t.test(`readers stop while ${name}: each costs at most its queue, then 1013`, patience, async (t) => {
    // Nobody is cut off before the end, on a slow machine neither: what a closed connection still holds counts too.
    const heartbeat = { interval: 1_000_000, timeout: 900_000 }
    const server = await FloodProcess.start(
      t, { closeTimeout: 120_000, heartbeat, limits: { ...unhurried, perIp: 1_000, sendQueueBytes: cap } }
    )
    const client = await server.connect('bystander')
    await client.request('join', 'lab/bystander')
    const bystander = new Bystander(client)
    const sockets = await Promise.all(times(readers, (index) => server.upgraded(`reader-${index}`)))
    const before = await server.ask('memory')
    let peak = 0
    let rounds = 0
    const reading = [...sockets]
    const flood = async () => {
      while (bystander.outcomes < readers && ++rounds < mostRounds) {
        const isLast = reading.length === group
        if (!isLast || bystander.outcomes > 0) await Promise.all(reading.splice(0, group).map(stopReading))
        await say(server, (type, payload) => client.request(type, 'lab/bystander', payload))
        if (rounds % 10 === 0) peak = Math.max(peak, (await server.ask('memory')).rss)
        const slow = await server.ask('logged', 'the client reads too slowly')
        while (bystander.outcomes < slow) bystander.outcome()
      }
    }
    await bystander.during(flood())
    peak = Math.max(peak, (await server.ask('memory')).rss)
    t.equal(bystander.outcomes, readers, 'every one of them was closed')
    t.ok(
      bystander.servedBetween >= 5,
      `${bystander.servedBetween} replies to the bystander between them, in ${rounds} rounds`
    )
    t.ok(
      peak - before.rss < readers * cap * 1.2 + allowance,
      `RSS grew by ${peak - before.rss} bytes, ${readers * cap} may wait`
    )
    // A few, for what waits for them on the way is megabytes each.
    for (const raw of sockets.slice(0, 3)) {
      raw.resume()
      t.match(await raw.until(readClose), { code: 1013, reason: 'the client reads too slowly' })
    }
    await Promise.all([...sockets.map((raw) => raw.destroy()), client.close()])
    t.ok(await server.ask('isQuiet'), 'nobody is left')
    const { alive, errors } = await server.ask('census')
    t.strictSame({ alive, errors }, { alive: {}, errors: 0 })
  })
}
