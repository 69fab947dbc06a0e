import type { Writable } from 'node:stream'
import t from 'tap'
import * as ws from 'ws'
import { Connection } from '../../../lib/connection/connection.ts'
import { Heartbeat, type HeartbeatTarget } from '../../../lib/connection/heartbeat.ts'
import type { Identity } from '../../../lib/connection/identity.ts'
import { Flusher } from '../../../lib/connection/send-queue.ts'
import { Counters } from '../../../lib/connection/counters.ts'
import { Registry } from '../../../lib/connection/registry.ts'
import { ProtocolErrorBudget } from '../../../lib/limits/protocol-error-budget.ts'
import type { Logger } from '../../../lib/logger.ts'
import { closeEvents } from '../../../lib/protocol/close-events.ts'
import { encodeEnvelope } from '../../../lib/protocol/encoding.ts'
import { FakeClock } from '../../../lib/testing/fake-clock.ts'
import { FakeSocket } from '../../../lib/testing/fake-socket.ts'

const log: Logger = { info () {}, warn () {}, error () {}, child: () => log }
/** How `ws` reads what a server writes. */
const { Receiver } = ws as unknown as { Receiver: new () => Writable }

const hello = encodeEnvelope({ type: 'hello' })

const nobody: Identity = {
  id: 'c', userId: undefined, user: undefined, ip: '', expiresAt: undefined, jti: undefined, verify: undefined
}

function connect (identity: Partial<Identity> = {}, queue = 1000) {
  const turns: Array<() => void> = []
  const tally = new Counters()
  const socket = new FakeSocket()
  const clock = new FakeClock(1000)
  const whole = {
    ...nobody, id: 'c1', userId: 'ada', user: { id: 'ada' }, ip: '::1', locals: { tenant: 1 }, ...identity
  }
  const connection = new Connection(
    socket.webSocket,
    socket.transport,
    whole,
    log,
    { clock, sendQueueBytes: queue, counters: tally, flusher: new Flusher((fn) => turns.push(fn)) }
  )
  const turn = () => { for (const fn of turns.splice(0)) fn() }
  return { connection, socket, clock, turn, turns, tally }
}

t.test('a connection knows who is at the other end and counts what travels', async (t) => {
  const { connection, clock, tally } = connect()
  t.match(
    connection,
    {
      id: 'c1',
      userId: 'ada',
      user: { id: 'ada' },
      ip: '::1',
      locals: { tenant: 1 },
      connectedAt: 1000,
      lastSeen: 1000,
      log
    }
  )
  t.ok(connection.isOpen)
  clock.advance(5)
  connection.countReceived(7)
  connection.countReceived(3)
  connection.send(hello)
  t.match(connection, { lastSeen: 1005, messagesIn: 2, bytesIn: 10, messagesOut: 1, bytesOut: hello.length })
  t.strictSame(
    tally.totals,
    { messagesIn: 2, messagesOut: 1, bytesIn: 10, bytesOut: hello.length, rejections: {} },
    'and so does its node'
  )
  clock.advance(5)
  connection.markAlive()
  t.match(connection, { lastSeen: 1010, messagesIn: 2 }, 'a pong is a sign of life but no message')
})

t.test('frames leave in order, as uncompressed text', async (t) => {
  const { connection, socket, turn } = connect()
  connection.send(hello)
  connection.send(encodeEnvelope({ type: 'again' }))
  turn()
  t.strictSame(socket.sent, ['{"type":"hello"}', '{"type":"again"}'])
  t.strictSame(socket.options[0], { binary: false, compress: false })
})

t.test('a connection that is closing says goodbye once and sends nothing more', async (t) => {
  const { connection, socket } = connect()
  connection.close(closeEvents.restart)
  connection.close(closeEvents.failed)
  connection.send(hello)
  t.notOk(connection.isOpen)
  t.strictSame(socket.closes, [{ code: 1012, reason: 'server is restarting' }])
  t.strictSame(socket.sent, [])
  t.equal(connection.messagesOut, 0)
})

t.test('a connection that is gone neither sends nor closes', async (t) => {
  const { connection, socket } = connect()
  connection.markClosed()
  connection.send(hello)
  connection.close()
  t.notOk(connection.isOpen)
  t.strictSame([socket.sent, socket.closes], [[], []])
})

t.test('closing without a reason is a normal close', async (t) => {
  const { connection, socket } = connect()
  connection.close()
  t.strictSame(socket.closes, [{ code: 1000, reason: 'closed normally' }])
})

t.test('a paused connection that is closed reads again, and its silence so far is forgiven', async (t) => {
  const { connection, socket } = connect()
  connection.ping()
  connection.pause()
  t.ok(connection.isPaused)
  connection.close(closeEvents.protocolErrors)
  t.notOk(socket.isPaused)
  t.ok(connection.hasAnswered)
})

t.test('a ping asks a question that any frame answers', async (t) => {
  const { connection, socket } = connect()
  t.ok(connection.hasAnswered, 'nothing was asked yet')
  connection.ping()
  t.equal(socket.pings, 1)
  t.notOk(connection.hasAnswered)
  connection.countReceived(1)
  t.ok(connection.hasAnswered)
  connection.ping()
  connection.resume()
  t.ok(connection.hasAnswered, 'nor can one answer who was not read')
})

t.test('terminating goes straight to the socket', async (t) => {
  const { connection, socket } = connect()
  connection.terminate()
  t.equal(socket.terminations, 1)
  t.strictSame(socket.closes, [])
})

t.test('what is written in one turn goes out in one piece', async (t) => {
  const { connection, socket, turn, turns } = connect()
  connection.send(hello)
  connection.send(hello)
  t.equal(turns.length, 1)
  t.strictSame(socket.sent, [])
  turn()
  t.equal(socket.sent.length, 2)
  t.strictSame(socket.transportCalls, ['cork', 'uncork'])
  connection.send(hello)
  turn()
  t.strictSame(socket.transportCalls, ['cork', 'uncork', 'cork', 'uncork'], 'and the next turn is another piece')
})

t.test('what is short goes past ws in one piece, as the same frames', async (t) => {
  const { connection, socket, turn } = connect({}, 100_000)
  socket._sender = { _state: 0, _firstFragment: true, _queue: [] }
  const texts = [
    'x',
    'y'.repeat(110),
    'z'.repeat(130),
    'ü'.repeat(5_000),
    ...Array.from({ length: 200 }, (_, i) => `${i}`.repeat(50))
  ]
  for (const payload of texts) connection.send(encodeEnvelope({ type: 'said', payload }))
  turn()
  t.equal(socket.written.length, 1)
  const heard: string[] = []
  const receiver = new Receiver()
  receiver.on('message', (data: Buffer) => heard.push(JSON.parse(data.toString()).payload))
  receiver.write(socket.written[0] as Buffer)
  t.strictSame(heard, texts, 'as ws reads it, however many there are')
  connection.send(encodeEnvelope({ type: 'large', payload: 'x'.repeat(20_000) }))
  turn()
  t.match(socket.sent, ['large'], 'what is long is not copied')
  for (const busy of [{ _state: 1 }, { _firstFragment: false }, { _queue: [1] }]) {
    socket.sent.length = 0
    socket._sender = { _state: 0, _firstFragment: true, _queue: [], ...busy }
    connection.send(hello)
    turn()
    t.strictSame(socket.sent.length, 1, 'while ws has something under way it goes through ws')
  }
  t.equal(socket.written.length, 1)
  socket._sender = { _state: 0, _firstFragment: true, _queue: [] }
  socket.isSlow = true
  connection.send(hello)
  turn()
  connection.send(hello)
  turn()
  t.equal(socket.written.length, 2, 'the next waits for the end of the write')
  socket.drain()
  t.equal(socket.written.length, 3)
})

t.test('one flusher serves all connections of a turn, by default at the end of it', async (t) => {
  const flusher = new Flusher()
  const sockets = [new FakeSocket(), new FakeSocket()]
  for (const socket of sockets) {
    new Connection(
      socket.webSocket,
      socket.transport,
      nobody,
      log,
      { clock: new FakeClock(), sendQueueBytes: 1000, counters: new Counters(), flusher }
    ).send(hello)
  }
  await new Promise(setImmediate)
  for (const { transportCalls } of sockets) t.strictSame(transportCalls, ['cork', 'uncork'])
})

t.test('while a write is unfinished frames wait, and go out together when it ends', async (t) => {
  const { connection, socket, turn } = connect()
  socket.isSlow = true
  connection.send(hello)
  turn()
  for (let i = 0; i < 3; i++) connection.send(hello)
  turn()
  t.equal(socket.sent.length, 1)
  socket.drain()
  t.equal(socket.sent.length, 4)
})

t.test('a queue that grows too long ends the connection with 1013, and is forgotten', async (t) => {
  const { connection, socket, turn } = connect({}, 2 * hello.length)
  socket.isSlow = true
  connection.send(hello)
  turn()
  connection.send(hello)
  t.ok(connection.isOpen, 'exactly the limit is no fault')
  connection.send(hello)
  t.notOk(connection.isOpen)
  t.strictSame(socket.closes, [{ code: 1013, reason: 'the client reads too slowly' }])
  socket.drain()
  t.equal(socket.sent.length, 1)
})

t.test('what may be dropped is dropped while a write is unfinished, and only then', async (t) => {
  const { connection, socket, turn } = connect()
  connection.send(encodeEnvelope({ type: 'one' }), 'drop')
  turn()
  socket.isSlow = true
  connection.send(hello)
  turn()
  connection.send(encodeEnvelope({ type: 'two' }), 'drop')
  socket.drain()
  t.notMatch(socket.sent.join(), 'two')
  t.match(socket.sent.join(), 'one')
})

t.test('the latest takes the place of what waits with its key, at the end', async (t) => {
  const { connection, socket, turn } = connect()
  const cursor = (at: number, key: string) =>
    connection.send(encodeEnvelope({ type: 'moved', payload: { key, at } }), { latest: key })
  cursor(0, 'ann')
  cursor(1, 'ann')
  turn()
  t.equal(socket.sent.length, 2, 'who keeps up gets everything')
  socket.isSlow = true
  connection.send(hello)
  turn()
  cursor(2, 'ann')
  cursor(3, 'bob')
  connection.send(hello)
  cursor(4, 'ann')
  socket.drain()
  t.strictSame(
    socket.sent.slice(3).map((text) => JSON.parse(text).payload),
    [{ key: 'bob', at: 3 }, undefined, { key: 'ann', at: 4 }]
  )
})

t.test('what a slow reader may skip of a log is left out, and one resync follows when it reads again', async (t) => {
  const { connection, socket, turn } = connect({}, 200)
  let isMember = true
  const log = { resync: (id: string) => isMember ? encodeEnvelope({ type: 'resync', payload: { to: id } }) : undefined }
  const tick = (at: number) => connection.send(encodeEnvelope({ type: 'tick', payload: { at } }), 'skip', log)
  tick(1)
  turn()
  socket.isSlow = true
  connection.send(hello)
  turn()
  connection.send(encodeEnvelope({ type: 'other' }))
  for (let at = 2; at < 100; at++) tick(at)
  connection.send(encodeEnvelope({ type: 'of the same log' }), undefined, log)
  t.ok(connection.isOpen, 'nothing of it waits')
  socket.isSlow = false
  socket.drain()
  turn()
  tick(100)
  turn()
  t.strictSame(socket.sent.map((text) => JSON.parse(text)), [
    { type: 'tick', payload: { at: 1 } }, { type: 'hello' }, { type: 'other' }, {
      type: 'resync', payload: { to: 'c1' }
    }, { type: 'tick', payload: { at: 100 } }
  ])
  socket.isSlow = true
  connection.send(hello)
  turn()
  tick(101)
  isMember = false
  socket.isSlow = false
  socket.drain()
  turn()
  t.equal(socket.sent.length, 6, 'who has left gets none')
})

t.test('a whole replay may be longer than the queue, but only where that is not too long already', async (t) => {
  const { connection, socket } = connect()
  connection.sendRecovery(encodeEnvelope({ type: 'replay', payload: 'x'.repeat(2_000) }))
  t.ok(connection.isOpen)
  connection.sendRecovery(hello)
  t.notOk(connection.isOpen)
  t.match(socket.closes, [closeEvents.tooSlow].map(({ code }) => ({ code })))
})

t.test('a close goes out behind what waits, whatever the application made of it', async (t) => {
  const { connection, socket } = connect()
  connection.send(hello)
  connection.close({ code: 1006, reason: 'é'.repeat(100), retry: 'stop' })
  t.equal(socket.sent.length, 1)
  t.strictSame(socket.closes, [{ code: 1000, reason: 'é'.repeat(61) }])
})

t.test('a violation too many is one more than are forgiven within the window', async (t) => {
  const clock = new FakeClock(0)
  const violations = new ProtocolErrorBudget({ max: 2, timeWindow: 1000 }, clock)
  t.strictSame(
    [violations.countError(), violations.countError(), violations.countError(), violations.countError()],
    [false, false, true, true]
  )
})

t.test('a window begins with its first violation and then is forgotten', async (t) => {
  const clock = new FakeClock(0)
  const violations = new ProtocolErrorBudget({ max: 1, timeWindow: 1000 }, clock)
  clock.advance(500)
  t.notOk(violations.countError())
  clock.advance(999)
  t.ok(violations.countError(), 'still within')
  clock.advance(1)
  t.notOk(violations.countError(), 'the window is over')
  clock.advance(999)
  t.ok(violations.countError(), 'and a new one began')
})

/** A peer as the heartbeat sees it; `answers` right away or never. */
class FakePeer implements HeartbeatTarget {
  hasAnswered = true
  isPaused = false
  lastSign: number
  readonly pings: number[] = []
  terminatedAt: number | undefined
  readonly #clock: FakeClock
  readonly #answers: boolean

  constructor (clock: FakeClock, answers: boolean) {
    this.#clock = clock
    this.#answers = answers
    this.lastSign = clock.now()
  }

  ping (): void {
    this.pings.push(this.#clock.now())
    this.hasAnswered = this.#answers
  }

  terminate (): void {
    this.terminatedAt ??= this.#clock.now()
  }
}

const interval = 32_000
const timeout = 10_000
const slice = interval / 32

function heartbeat (options = { interval, timeout }) {
  const clock = new FakeClock(0)
  const beat = new Heartbeat(options, clock)
  const watch = (answers: boolean) => {
    const peer = new FakePeer(clock, answers)
    beat.watch(peer)
    return peer
  }
  return { clock, beat, watch }
}

t.test('every peer is pinged once in an interval, and the pings are spread over it', async (t) => {
  const { clock, beat, watch } = heartbeat()
  const peers = Array.from({ length: 3200 }, () => watch(true))
  t.equal(beat.size, 3200)
  for (let turn = 1; turn <= 64; turn++) {
    clock.advance(slice)
    const pinged = peers.filter(({ pings }) => pings.at(-1) === clock.now()).length
    if (pinged !== 100) t.equal(pinged, 100, `turn ${turn}`)
  }
  t.ok(peers.every(({ pings: [first = 0, second = 0, ...more] }) => second - first === interval && more.length === 0))
  t.equal(beat.terminated, 0, 'who answers is never ended')
  t.equal(clock.pending, 1, 'one timer for all')
})

t.test('heartbeat: a silent peer is terminated within interval and timeout, but not before its timeout', async (t) => {
  for (const options of [
    { interval, timeout }, { interval: 30_000, timeout: 10_000 }, { interval: 30_000, timeout: 29_000 },
    { interval: 100, timeout: 1 }
  ]) {
    const { clock, beat, watch } = heartbeat(options)
    const step = options.interval / 32
    const peers: FakePeer[] = []
    watch(true)
    for (let phase = 0; phase < 97; phase++) {
      peers.push(watch(false))
      clock.advance(options.interval / 41)
    }
    clock.advance(options.interval * 3)
    t.ok(
      peers.every(({ terminatedAt = Infinity, lastSign }) =>
        terminatedAt - lastSign <= options.interval + Math.max(step, options.timeout) + 1e-6),
      'in time'
    )
    t.ok(
      peers.every(({ terminatedAt = Infinity, pings: [asked = 0] }) =>
        terminatedAt - asked <= Math.max(step, options.timeout) + 1e-6),
      'when its time to answer is over'
    )
    t.ok(
      peers.every(({ terminatedAt = 0, pings: [asked = Infinity] }) =>
        terminatedAt - asked >= Math.min(options.timeout, options.timeout - step) - 1e-6),
      'after its time to answer, rounded down to a slice'
    )
    t.ok(beat.terminated >= peers.length)
  }
})

t.test('a sign of life at any time after the ping counts as an answer', async (t) => {
  const { clock, watch } = heartbeat()
  const peer = watch(false)
  for (let turn = 0; turn < 200; turn++) {
    clock.advance(slice)
    if (peer.pings.length > 0 &&
      clock.now() - (peer.pings.at(-1) as number) === timeout - slice) peer.hasAnswered = true
  }
  t.ok(peer.pings.length > 5)
  t.equal(peer.terminatedAt, undefined)
})

t.test('a peer that is held back is not judged', async (t) => {
  const { clock, watch } = heartbeat()
  const peer = watch(false)
  peer.isPaused = true
  clock.advance(interval * 3)
  t.equal(peer.terminatedAt, undefined)
  peer.isPaused = false
  clock.advance(interval * 2)
  t.ok(peer.terminatedAt, 'until it is read again')
})

t.test('who is forgotten is neither pinged nor ended, and nothing runs when nobody is watched', async (t) => {
  const { clock, beat, watch } = heartbeat()
  const [a, b] = [watch(false), watch(false)]
  t.equal(clock.pending, 1)
  beat.unwatch(a)
  t.equal(clock.pending, 1)
  beat.unwatch(b)
  beat.unwatch(b)
  t.equal(beat.size, 0)
  t.equal(clock.pending, 0)
  clock.advance(interval * 2)
  t.strictSame([a.pings, b.pings, beat.terminated], [[], [], 0])
  const c = watch(true)
  clock.advance(interval)
  t.equal(c.pings.length, 1, 'and it starts again')
})

t.test('a peer may be forgotten while it is ended', async (t) => {
  const { clock, beat, watch } = heartbeat()
  const peer = watch(false)
  peer.terminate = () => beat.unwatch(peer)
  clock.advance(interval * 3)
  t.equal(beat.terminated, 1)
  t.equal(clock.pending, 0)
})

t.test('the registry finds a connection by its id, and all those of a user', async (t) => {
  const registry = new Registry()
  const [a, b, other, nobody] = [
    connect({ id: 'a', userId: 'ada' }), connect({ id: 'b', userId: 'ada' }),
    connect({ id: 'o', userId: 'bob' }), connect({
      id: 'n', userId: undefined
    })
  ].map(({ connection }) => connection) as [Connection, Connection, Connection, Connection]
  for (const connection of [a, b, other, nobody]) registry.add(connection)
  t.equal(registry.size, 4)
  t.strictSame(ids(registry.all()), ['a', 'b', 'o', 'n'])
  t.equal(registry.get('o'), other)
  t.strictSame(ids(registry.find({ userId: 'ada' })), ['a', 'b'])
  t.strictSame(ids(registry.find({ connectionId: 'n' })), ['n'])
  t.strictSame(registry.find({ userId: 'nobody' }), [])
  t.strictSame(registry.find({ connectionId: 'nothing' }), [])
  registry.delete(a)
  t.strictSame(ids(registry.find({ userId: 'ada' })), ['b'])
  for (const connection of [a, b, other, nobody]) registry.delete(connection)
  t.equal(registry.size, 0)
  t.strictSame(registry.find({ userId: 'ada' }), [])
  t.equal(registry.get('b'), undefined)
})

const ids = (connections: Connection[]) => connections.map(({ id }) => id)

t.test('a registry holds on to nobody who was never there', async (t) => {
  const registry = new Registry()
  registry.delete(connect().connection)
  t.equal(registry.size, 0)
})

t.test('the fake clock calls what falls due, in order, and nothing that was cleared', async (t) => {
  const clock = new FakeClock(100)
  const calls: string[] = []
  const at = (name: string, ms: number) => clock.setTimeout(() => calls.push(`${name}@${clock.now()}`), ms)
  at('late', 20)
  at('early', 10)
  at('twin', 10)
  const never = at('never', 15)
  clock.setTimeout(() => { at('nested', 3) }, 5)
  t.equal(clock.next, 5)
  clock.clearTimeout(never)
  clock.advance(15)
  t.strictSame(calls, ['nested@108', 'early@110', 'twin@110'])
  t.strictSame([clock.now(), clock.pending, clock.next], [115, 1, 5])
  clock.advance(5)
  t.equal(calls.at(-1), 'late@120')
  t.equal(clock.next, undefined)
  t.equal(new FakeClock().now(), 0)
})
