import type { Writable } from 'node:stream'
import t from 'tap'
import * as ws from 'ws'
import { Connection } from '../../../lib/connection/connection.ts'
import { Heartbeat, type HeartbeatTarget } from '../../../lib/connection/heartbeat.ts'
import type { Identity } from '../../../lib/connection/identity.ts'
import { Flusher } from '../../../lib/connection/sending/flusher.ts'
import { Counters } from '../../../lib/connection/counters.ts'
import { Registry } from '../../../lib/connection/registry.ts'
import { ProtocolErrorBudget } from '../../../lib/limits/protocol-error-budget.ts'
import type { Logger } from '../../../lib/logger.ts'
import { closeEvents, type CloseEvent } from '../../../lib/protocol/close-events.ts'
import { encodeEnvelope, encodeParts } from '../../../lib/protocol/encoding.ts'
import { FakeClock } from '../../../lib/testing/fake-clock.ts'
import { FakeSocket } from '../../../lib/testing/fake-socket.ts'

const log: Logger = { info () {}, warn () {}, error () {}, child: () => log }
/** How `ws` reads what a server writes. */
const { Receiver } = ws as unknown as { Receiver: new () => Writable }

const hello = encodeEnvelope({ type: 'hello' })

const anonymous: Identity = {
  id: 'c',
  userId: undefined,
  user: undefined,
  ip: '',
  expiresAt: undefined,
  jti: undefined,
  verify: undefined,
  quotas: { release () {} }
}

function connect (identity: Partial<Identity> = {}, queue = 1000) {
  const flushes: Array<() => void> = []
  const counters = new Counters()
  const socket = new FakeSocket()
  const clock = new FakeClock(1000)
  const whole = {
    ...anonymous, id: 'c1', userId: 'ada', user: { id: 'ada' }, ip: '::1', locals: { tenant: 1 }, ...identity
  }
  const connection = new Connection(
    socket.webSocket,
    socket.transport,
    whole,
    log,
    { clock, sendQueueBytes: queue, counters, flusher: new Flusher((fn) => flushes.push(fn)) }
  )
  const flush = () => { for (const fn of flushes.splice(0)) fn() }
  return { connection, socket, clock, flush, flushes, counters }
}

t.test('connection: it has the identity of its user and counts messages and bytes', async (t) => {
  const { connection, clock, counters } = connect()
  t.match(
    connection,
    {
      id: 'c1',
      userId: 'ada',
      user: { id: 'ada' },
      ip: '::1',
      locals: { tenant: 1 },
      route: '',
      metadata: {},
      connectedAt: 1000,
      lastSeen: 1000
    }
  )
  t.ok(connection.isOpen)
  clock.advance(5)
  connection.countReceived(7)
  connection.countReceived(3)
  connection.send(hello)
  t.match(connection, { lastSeen: 1005, messagesIn: 2, bytesIn: 10, messagesOut: 1, bytesOut: hello.length })
  t.strictSame(
    counters.totals,
    { messagesIn: 2, messagesOut: 1, bytesIn: 10, bytesOut: hello.length, rejections: {} },
    'the counters of the node count the same messages'
  )
  clock.advance(5)
  connection.markAlive()
  t.match(connection, { lastSeen: 1010, messagesIn: 2 }, 'a pong updates lastSeen and is not counted as a message')
})

t.test('connection: messages are sent in order, as uncompressed text frames', async (t) => {
  const { connection, socket, flush } = connect()
  connection.send(hello)
  connection.send(encodeEnvelope({ type: 'again' }))
  flush()
  t.strictSame(socket.sent, ['{"type":"hello"}', '{"type":"again"}'])
  t.strictSame(socket.options[0], { binary: false, compress: false })
})

t.test('connection: a closing connection sends one close frame and no more messages', async (t) => {
  const { connection, socket } = connect()
  connection.close(closeEvents.restart)
  connection.close(closeEvents.failed)
  connection.send(hello)
  t.notOk(connection.isOpen)
  t.strictSame(socket.closes, [{ code: 1012, reason: 'server is restarting' }])
  t.strictSame(socket.sent, [])
  t.equal(connection.messagesOut, 0)
})

t.test('connection: a closed connection sends no message and no close frame', async (t) => {
  const { connection, socket } = connect()
  connection.markClosed()
  connection.send(hello)
  connection.close()
  t.notOk(connection.isOpen)
  t.strictSame([socket.sent, socket.closes], [[], []])
})

t.test('connection: close() without an event closes with 1000', async (t) => {
  const { connection, socket } = connect()
  connection.close()
  t.strictSame(socket.closes, [{ code: 1000, reason: 'closed normally' }])
})

t.test('connection: closing a paused connection resumes reading and counts as an answer to the ping', async (t) => {
  const { connection, socket } = connect()
  connection.ping()
  connection.pause()
  t.ok(connection.isPaused)
  connection.close(closeEvents.protocolErrors)
  t.notOk(socket.isPaused)
  t.ok(connection.hasAnswered)
})

t.test('connection: any received frame answers a ping', async (t) => {
  const { connection, socket } = connect()
  t.ok(connection.hasAnswered, 'no ping is unanswered')
  connection.ping()
  t.equal(socket.pings, 1)
  t.notOk(connection.hasAnswered)
  connection.countReceived(1)
  t.ok(connection.hasAnswered)
  connection.ping()
  connection.resume()
  t.ok(connection.hasAnswered, 'resuming counts as an answer, because a paused connection was not read')
})

t.test('connection: terminate() closes the socket without a close frame', async (t) => {
  const { connection, socket } = connect()
  connection.terminate()
  t.equal(socket.terminations, 1)
  t.strictSame(socket.closes, [])
})

t.test('send queue: messages of one iteration of the event loop are written at once', async (t) => {
  const { connection, socket, flush, flushes } = connect()
  connection.send(hello)
  connection.send(hello)
  t.equal(flushes.length, 1, 'one flush is scheduled for both messages')
  t.strictSame(socket.sent, [])
  flush()
  t.equal(socket.sent.length, 2)
  t.strictSame(socket.transportCalls, ['cork', 'uncork'])
  connection.send(hello)
  flush()
  t.strictSame(socket.transportCalls, ['cork', 'uncork', 'cork', 'uncork'], 'the next iteration is another write')
})

t.test('send queue: short messages are written past ws at once, as the same frames', async (t) => {
  const { connection, socket, flush } = connect({}, 100_000)
  socket._sender = { _state: 0, _firstFragment: true, _queue: [] }
  const texts = [
    'x',
    'y'.repeat(110),
    'z'.repeat(130),
    'ü'.repeat(5_000),
    ...Array.from({ length: 200 }, (_, i) => `${i}`.repeat(50))
  ]
  for (const payload of texts) connection.send(encodeEnvelope({ type: 'said', payload }))
  flush()
  t.equal(socket.written.length, 1, 'all messages are one write')
  const received: string[] = []
  const receiver = new Receiver()
  receiver.on('message', (data: Buffer) => received.push(JSON.parse(data.toString()).payload))
  receiver.write(socket.written[0] as Buffer)
  t.strictSame(received, texts, 'ws reads the same messages')
  connection.send(encodeEnvelope({ type: 'large', payload: 'x'.repeat(20_000) }))
  flush()
  t.match(socket.sent, ['large'], 'a long message is sent by ws, without a copy')
  for (const busy of [{ _state: 1 }, { _firstFragment: false }, { _queue: [1] }]) {
    socket.sent.length = 0
    socket._sender = { _state: 0, _firstFragment: true, _queue: [], ...busy }
    connection.send(hello)
    flush()
    t.strictSame(socket.sent.length, 1, 'a message is sent by ws while ws has unfinished writes')
  }
  t.equal(socket.written.length, 1)
  socket._sender = { _state: 0, _firstFragment: true, _queue: [] }
  socket.isSlow = true
  connection.send(hello)
  flush()
  connection.send(hello)
  flush()
  t.equal(socket.written.length, 2, 'the third message waits until the second write is finished')
  socket.drain()
  t.equal(socket.written.length, 3)
})

t.test('send queue: a large recovery is one frame of its parts, none of which is copied', async (t) => {
  const shared = Buffer.from(JSON.stringify(['x'.repeat(60_000)]))
  const withBytes = (bytes: number) => {
    const of = (messages: Buffer) => encodeParts({ type: 'ack', payload: {} }, { messages: [messages] })
    const whole = bytes > shared.length ? Buffer.alloc(bytes, 'x') : shared
    return of(whole.subarray(of(Buffer.alloc(0)).length - bytes))
  }
  for (const bytes of [16_385, 65_535, 65_536, 150_000]) {
    const { connection, socket, flush } = connect({}, 1_000_000)
    socket._sender = { _state: 0, _firstFragment: true, _queue: [] }
    const recovery = withBytes(bytes)
    t.equal(recovery.length, bytes)
    connection.sendRecovery(recovery)
    flush()
    t.ok(recovery.parts.every((part) => socket.written.includes(part)))
    const received: Buffer[] = []
    const receiver = new Receiver()
    // Not all of it is JSON: it begins in the middle of a text.
    receiver.on('message', (data: Buffer) => received.push(data))
    for (const written of socket.written) receiver.write(written)
    t.strictSame(received, [Buffer.concat(recovery.parts)], `${bytes} bytes`)
    t.equal(connection.bytesOut, bytes)
  }
  const { connection, socket, flush } = connect({}, 1_000_000)
  connection.sendRecovery(withBytes(100))
  const large = encodeParts({ type: 'ack', payload: {} }, { messages: shared })
  connection.sendRecovery(large)
  flush()
  t.strictSame(socket.written, [], 'without the state of ws, all is sent by ws')
  t.strictSame(socket.sent.map((text) => text.length), [100, large.length])
})

t.test('send queue: a large recovery that is a small share of the bytes of others keeps none of them', async (t) => {
  const { connection, socket, flush } = connect({}, 1_000_000)
  socket._sender = { _state: 0, _firstFragment: true, _queue: [] }
  const shared = Buffer.alloc(1_000_000, 'x')
  const recovery = encodeParts({ type: 'ack', payload: {} }, { messages: shared.subarray(-20_000) })
  connection.sendRecovery(recovery)
  flush()
  t.strictSame(socket.sent, [String(Buffer.concat(recovery.parts))])
  t.notOk(socket.written.some(({ buffer }) => buffer === shared.buffer))
})

t.test('send queue: one flusher writes the queues of all connections of an iteration', async (t) => {
  const flusher = new Flusher()
  const sockets = [new FakeSocket(), new FakeSocket()]
  for (const socket of sockets) {
    new Connection(
      socket.webSocket,
      socket.transport,
      anonymous,
      log,
      { clock: new FakeClock(), sendQueueBytes: 1000, counters: new Counters(), flusher }
    ).send(hello)
  }
  await new Promise(setImmediate)
  for (const { transportCalls } of sockets) t.strictSame(transportCalls, ['cork', 'uncork'])
})

t.test('send queue: messages wait during an unfinished write and are written together after it', async (t) => {
  const { connection, socket, flush } = connect()
  socket.isSlow = true
  connection.send(hello)
  flush()
  for (let i = 0; i < 3; i++) connection.send(hello)
  flush()
  t.equal(socket.sent.length, 1)
  socket.drain()
  t.equal(socket.sent.length, 4)
})

t.test('send queue: a queue over its bound closes the connection with 1013 and is deleted', async (t) => {
  const { connection, socket, flush } = connect({}, 2 * hello.length)
  socket.isSlow = true
  connection.send(hello)
  flush()
  connection.send(hello)
  t.ok(connection.isOpen, 'a queue of exactly the bound is allowed')
  connection.send(hello)
  t.notOk(connection.isOpen)
  t.strictSame(socket.closes, [{ code: 1013, reason: 'the client reads too slowly' }])
  socket.drain()
  t.equal(socket.sent.length, 1)
})

t.test("send queue: whenSlow 'drop' drops a message only during an unfinished write", async (t) => {
  const { connection, socket, flush } = connect()
  connection.send(encodeEnvelope({ type: 'one' }), 'drop')
  flush()
  socket.isSlow = true
  connection.send(hello)
  flush()
  connection.send(encodeEnvelope({ type: 'two' }), 'drop')
  socket.drain()
  t.notMatch(socket.sent.join(), 'two')
  t.match(socket.sent.join(), 'one')
})

t.test('send queue: whenSlow { latest } replaces the waiting message of its key, at its end', async (t) => {
  const { connection, socket, flush } = connect()
  const cursor = (at: number, key: string) =>
    connection.send(encodeEnvelope({ type: 'moved', payload: { key, at } }), { latest: key })
  cursor(0, 'ann')
  cursor(1, 'ann')
  flush()
  t.equal(socket.sent.length, 2, 'a fast connection gets all messages')
  socket.isSlow = true
  connection.send(hello)
  flush()
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

t.test("send queue: whenSlow 'skip' leaves out entries of a slow connection, and one resync follows", async (t) => {
  const { connection, socket, flush } = connect({}, 200)
  let isMember = true
  const resync = (to: string) => encodeEnvelope({ type: 'resync', payload: { to } })
  const source = { resync: (id: string) => isMember ? resync(id) : undefined }
  const tick = (at: number) => connection.send(encodeEnvelope({ type: 'tick', payload: { at } }), 'skip', source)
  tick(1)
  flush()
  socket.isSlow = true
  connection.send(hello)
  flush()
  connection.send(encodeEnvelope({ type: 'other' }))
  for (let at = 2; at < 100; at++) tick(at)
  connection.send(encodeEnvelope({ type: 'of the same history' }), undefined, source)
  t.ok(connection.isOpen, 'skipped entries do not fill the queue')
  socket.isSlow = false
  socket.drain()
  flush()
  tick(100)
  flush()
  t.strictSame(socket.sent.map((text) => JSON.parse(text)), [
    { type: 'tick', payload: { at: 1 } }, { type: 'hello' }, { type: 'other' }, {
      type: 'resync', payload: { to: 'c1' }
    }, { type: 'tick', payload: { at: 100 } }
  ])
  socket.isSlow = true
  connection.send(hello)
  flush()
  tick(101)
  isMember = false
  socket.isSlow = false
  socket.drain()
  flush()
  t.equal(socket.sent.length, 6, 'a connection that left the channel gets no resync')
})

const moves: ReadonlyArray<readonly [what: string, sizes: readonly number[], kept: readonly number[]]> = [
  ['two large ones', [600, 600], [50, 600]],
  ['a small one and a large one', [400, 700], [50, 700]],
  ['many small ones and a large one', [100, 100, 100, 100, 700], [50, 700]],
  ['large ones in turn', [900, 100, 900, 100, 900], [50, 900]],
  ['a large one that leaves room for a small one', [600, 100], [600, 50, 100]]
]

t.test('send queue: { latest } messages of one key close no connection, however large, in one iteration', async (t) => {
  for (const [what, sizes, kept] of moves) {
    const { connection, socket, flush } = connect({}, 1_000)
    const envelope = (type: string, bytes: number) => {
      const { length } = encodeEnvelope({ type, payload: '' })
      return encodeEnvelope({ type, payload: 'x'.repeat(bytes - length) })
    }
    for (const [i, bytes] of sizes.entries()) {
      connection.send(envelope('moved', bytes), { latest: 'ann' })
      if (i === 0) connection.send(envelope('kept', 50), { latest: 'bob' })
    }
    t.ok(connection.isOpen, what)
    flush()
    t.strictSame(socket.sent.map(({ length }) => length), kept, what)
    connection.send(envelope('moved', 950), { latest: 'ann' })
    connection.send(envelope('other', 100))
    t.notOk(connection.isOpen, 'others still fill the queue')
  }
})

const burst = (message: (at: number) => void) => { for (let at = 0; at < 1_000; at++) message(at) }

t.test('send queue: a burst of messages that may be left out closes no connection, and leaves room for others',
  async (t) => {
    const { connection, socket, flush } = connect({}, 2_000)
    const resync = encodeEnvelope({ type: 'resync', payload: 'x'.repeat(1_900) })
    const source = { resync: () => resync }
    burst((at) => connection.send(encodeEnvelope({ type: 'tick', payload: at }), 'skip', source))
    burst((at) => connection.send(encodeEnvelope({ type: 'typing', payload: at }), 'drop'))
    burst((at) => connection.send(encodeEnvelope({ type: 'moved', payload: at }), { latest: 'ann' }))
    connection.send(encodeEnvelope({ type: 'other', payload: 'x'.repeat(900) }))
    t.ok(connection.isOpen)
    flush()
    const received = socket.sent.map((text) => JSON.parse(text) as { type: string, payload: number })
    const ticks = received.filter(({ type }) => type === 'tick').map(({ payload }) => payload)
    t.strictSame(ticks, [...ticks.keys()], 'no entry is missing before the resync')
    t.strictSame(received.slice(ticks.length).map(({ type }) => type), ['moved', 'other', 'resync'])
    t.equal(received[ticks.length]?.payload, 999, 'the newest message of the key')
    connection.send(encodeEnvelope({ type: 'tick', payload: 1_000 }), 'skip', source)
    flush()
    t.equal(JSON.parse(socket.sent.at(-1) as string).payload, 1_000, 'entries follow the resync')
  })

t.test('send queue: a message that may be left out and exceeds the bound alone closes no connection', async (t) => {
  const { connection, socket, flush } = connect({}, 1_000)
  const large = (bytes: number) => encodeEnvelope({ type: 'large', payload: 'x'.repeat(bytes) })
  connection.send(large(1_000), 'skip', resyncOf('x'))
  connection.send(large(1_000), 'drop')
  connection.send(hello, 'drop')
  flush()
  t.ok(connection.isOpen)
  t.strictSame(socket.sent.map((text) => JSON.parse(text).type), ['hello', 'resync'])
  connection.send(large(800), 'skip', resyncOf('x'))
  flush()
  t.equal(JSON.parse(socket.sent.at(-1) as string).type, 'large', 'with an empty queue it has the whole bound')
})

t.test('send queue: one waiting recovery is beyond the bound, the next ones count towards it', async (t) => {
  const { connection, socket } = connect()
  const recovery = encodeEnvelope({ type: 'recovery', payload: 'x'.repeat(2_000) })
  connection.sendRecovery(recovery)
  connection.send(hello)
  t.ok(connection.isOpen, 'one recovery may be longer than the bound, and other messages follow it')
  connection.sendRecovery(recovery)
  t.ok(connection.isOpen)
  connection.sendRecovery(hello)
  t.notOk(connection.isOpen)
  t.match(socket.closes, [closeEvents.tooSlow].map(({ code }) => ({ code })))
})

t.test('send queue: a large ack waits until the one before it is being written, a small one does not', async (t) => {
  const { connection, socket, flush } = connect({}, 1_000)
  const ack = (bytes: number) => encodeEnvelope({ type: 'ack', payload: 'x'.repeat(bytes) })
  for (let i = 0; i < 4; i++) {
    t.equal(connection.whenRecoveryTaken, undefined)
    connection.sendRecovery(ack(80))
  }
  connection.sendRecovery(ack(400))
  const taken: string[] = []
  const wait = (name: string) => connection.whenRecoveryTaken?.then(() => taken.push(name))
  const waits = [wait('first'), wait('second')]
  await Promise.resolve()
  t.strictSame(taken, [])
  flush()
  await Promise.all(waits)
  t.strictSame(taken, ['first', 'second'])
  t.equal(socket.sent.length, 5)
  socket.isSlow = true
  connection.sendRecovery(ack(2_000))
  const discarded = wait('discarded')
  connection.terminate()
  connection.markClosed()
  await discarded
  t.equal(taken.at(-1), 'discarded', 'nothing waits for a closed connection')
})

const resyncOf = (channel: string, bytes = 100) => {
  return { resync: () => encodeEnvelope({ type: 'resync', channel, payload: 'x'.repeat(bytes) }) }
}

t.test('send queue: a slow reader in 100 channels gets one resync for each finished write', async (t) => {
  const { connection, socket, flush } = connect({}, 1_000)
  socket.isSlow = true
  connection.send(hello)
  flush()
  for (let i = 0; i < 100; i++) connection.send(encodeEnvelope({ type: 'tick' }), 'skip', resyncOf(`c/${i}`, 900))
  for (let resyncs = 0; resyncs < 100; resyncs++) {
    t.equal(socket.sent.length, 1 + resyncs, 'no resync is made before the previous one is written')
    socket.finishOne()
  }
})

t.test('send queue: one page is made for each finished write, before a resync, and none after the close', async (t) => {
  const { connection, socket, flush, counters } = connect({}, 1_000)
  const left = { a: 3, b: 2 }
  const pages = (name: 'a' | 'b') => ({
    nextPage: () => left[name]-- > 0 ? encodeEnvelope({ type: name, payload: 'x'.repeat(2_000) }) : undefined
  })
  socket.isSlow = true
  connection.sendPages(pages('a'))
  connection.sendPages(pages('b'))
  connection.sendResync(resyncOf('x'), 'fork')
  flush()
  for (let i = 0; i < 5; i++) {
    t.equal(socket.sent.length, 1 + i, 'no page is made before the previous one is written')
    socket.finishOne()
  }
  connection.send(hello)
  socket.drain()
  t.ok(connection.isOpen, 'a page is beyond the bound')
  t.strictSame(socket.sent.map((text) => JSON.parse(text).type), ['a', 'a', 'a', 'b', 'b', 'resync', 'hello'])
  const bytes = socket.sent.join('').length
  t.match(connection, { messagesOut: 7, bytesOut: bytes }, 'pages and resyncs are counted')
  t.match(counters.totals, { messagesOut: 7, bytesOut: bytes })
  left.a = 5
  connection.sendPages(pages('a'))
  connection.close()
  connection.sendPages(pages('b'))
  flush()
  t.equal(left.a, 5)
})

t.test('send queue: a resync as large as the bound does not close a connection that reads well', async (t) => {
  const { connection, socket, flush } = connect({}, 1_000)
  connection.send(encodeEnvelope({ type: 'other', payload: 'x'.repeat(900) }))
  connection.sendResync(resyncOf('x', 2_000), 'fork')
  t.ok(connection.isOpen)
  flush()
  connection.send(hello)
  flush()
  t.strictSame(socket.sent.map((text) => JSON.parse(text).type), ['other', 'resync', 'hello'])
})

t.test('send queue: a resync waits for the recovery before it, and for none once the close has begun', async (t) => {
  const { connection, socket, flush } = connect()
  connection.sendRecovery(encodeEnvelope({ type: 'ack' }))
  connection.sendResync(resyncOf('x'), 'fork')
  connection.sendResync(resyncOf('y'), 'fork')
  flush()
  t.strictSame(socket.sent.map((text) => JSON.parse(text).type), ['ack', 'resync', 'resync'])
  connection.sendResync(resyncOf('x'), 'fork')
  connection.close()
  connection.sendResync(resyncOf('x'), 'fork')
  flush()
  t.equal(socket.sent.length, 3, 'a closing connection gets no resync')
})

t.test('connection: a close event of another node that is none closes with 1000', async (t) => {
  const events = [{ code: '4000', reason: 'x' }, { code: 4000.5, reason: 7 }, { code: 4000, reason: null }, {}]
  const sent = events.map((event) => {
    const { connection, socket } = connect()
    connection.close(event as unknown as CloseEvent)
    return socket.closes.map(({ code, reason }) => `${code} ${reason}`)
  })
  t.strictSame(sent, [['1000 x'], ['1000 '], ['4000 '], ['1000 ']])
})

t.test('connection: a close frame follows the waiting messages, and its code and reason are made valid', async (t) => {
  const { connection, socket } = connect()
  connection.send(hello)
  connection.close({ code: 1006, reason: 'é'.repeat(100) })
  t.equal(socket.sent.length, 1)
  t.strictSame(socket.closes, [{ code: 1000, reason: 'é'.repeat(61) }])
})

t.test('protocol errors: one error more than max within the window exceeds the budget', async (t) => {
  const clock = new FakeClock(0)
  const budget = new ProtocolErrorBudget({ max: 2, timeWindow: 1000 }, clock)
  t.strictSame(
    [budget.countError(), budget.countError(), budget.countError(), budget.countError()],
    [false, false, true, true]
  )
})

t.test('protocol errors: a window starts with its first error and ends after timeWindow', async (t) => {
  const clock = new FakeClock(0)
  const budget = new ProtocolErrorBudget({ max: 1, timeWindow: 1000 }, clock)
  clock.advance(500)
  t.notOk(budget.countError())
  clock.advance(999)
  t.ok(budget.countError(), 'the second error is in the same window')
  clock.advance(1)
  t.notOk(budget.countError(), 'the third error starts a new window')
  clock.advance(999)
  t.ok(budget.countError(), 'the fourth error is in the new window')
})

/** A connection as the heartbeat sees it. `answers`: it answers each ping at once, or no ping. */
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

t.test('heartbeat: each connection gets one ping per interval, spread over the interval', async (t) => {
  const { clock, beat, watch } = heartbeat()
  const peers = Array.from({ length: 3200 }, () => watch(true))
  t.equal(beat.size, 3200)
  for (let step = 1; step <= 64; step++) {
    clock.advance(slice)
    const pinged = peers.filter(({ pings }) => pings.at(-1) === clock.now()).length
    if (pinged !== 100) t.equal(pinged, 100, `step ${step} pings a 32nd of the connections`)
  }
  t.ok(peers.every(({ pings: [first = 0, second = 0, ...more] }) => second - first === interval && more.length === 0))
  t.equal(beat.terminated, 0, 'a connection that answers is not terminated')
  t.equal(clock.pending, 1, 'one timer serves all connections')
})

t.test('heartbeat: a silent connection is terminated within interval and timeout, not earlier', async (t) => {
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
      'it is terminated within interval and timeout after its last sign of life'
    )
    t.ok(
      peers.every(({ terminatedAt = Infinity, pings: [pinged = 0] }) =>
        terminatedAt - pinged <= Math.max(step, options.timeout) + 1e-6),
      'it is terminated at most timeout after the first ping, rounded up to a slice'
    )
    t.ok(
      peers.every(({ terminatedAt = 0, pings: [pinged = Infinity] }) =>
        terminatedAt - pinged >= Math.min(options.timeout, options.timeout - step) - 1e-6),
      'it is terminated at least timeout after the first ping, rounded down to a slice'
    )
    t.ok(beat.terminated >= peers.length)
  }
})

t.test('heartbeat: a frame at any time before the timeout counts as an answer', async (t) => {
  const { clock, watch } = heartbeat()
  const peer = watch(false)
  for (let step = 0; step < 200; step++) {
    clock.advance(slice)
    if (peer.pings.length > 0 &&
      clock.now() - (peer.pings.at(-1) as number) === timeout - slice) peer.hasAnswered = true
  }
  t.ok(peer.pings.length > 5)
  t.equal(peer.terminatedAt, undefined)
})

t.test('heartbeat: a paused connection is not terminated', async (t) => {
  const { clock, watch } = heartbeat()
  const peer = watch(false)
  peer.isPaused = true
  clock.advance(interval * 3)
  t.equal(peer.terminatedAt, undefined)
  peer.isPaused = false
  clock.advance(interval * 2)
  t.ok(peer.terminatedAt, 'it is terminated after it was resumed')
})

t.test('heartbeat: an unwatched connection is not pinged, and without connections no timer runs', async (t) => {
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
  t.equal(c.pings.length, 1, 'the next watched connection is pinged')
})

t.test('heartbeat: a connection may be unwatched during its termination', async (t) => {
  const { clock, beat, watch } = heartbeat()
  const peer = watch(false)
  peer.terminate = () => beat.unwatch(peer)
  clock.advance(interval * 3)
  t.equal(beat.terminated, 1)
  t.equal(clock.pending, 0)
})

t.test('registry: it finds a connection by its id, and all connections of a user or a token', async (t) => {
  const registry = new Registry()
  const [a, b, other, unidentified] = [
    connect({ id: 'a', userId: 'ada' }), connect({ id: 'b', userId: 'ada' }),
    connect({ id: 'o', userId: 'bob' }), connect({
      id: 'n', userId: undefined
    })
  ].map(({ connection }) => connection) as [Connection, Connection, Connection, Connection]
  for (const connection of [a, b, other, unidentified]) registry.add(connection)
  t.equal(registry.size, 4)
  t.strictSame(ids(registry.all()), ['a', 'b', 'o', 'n'])
  t.equal(registry.get('o'), other)
  t.strictSame(ids(registry.find({ userId: 'ada' })), ['a', 'b'])
  t.strictSame(ids(registry.find({ connectionId: 'n' })), ['n'])
  t.strictSame(registry.find({ userId: 'unknown' }), [])
  t.strictSame(registry.find({ connectionId: 'nothing' }), [])
  registry.renew(b, { userId: 'ada', user: { id: 'ada' }, expiresAt: undefined, jti: 'newer' })
  t.strictSame(ids(registry.findRevoked({ jti: 'newer' })), ['b'], 'by its newer token')
  t.strictSame(ids(registry.findRevoked({ userId: 'ada' })), ['a', 'b'])
  t.strictSame(registry.findRevoked({ jti: 'unknown' }), [])
  registry.delete(a)
  t.strictSame(ids(registry.find({ userId: 'ada' })), ['b'])
  for (const connection of [a, b, other, unidentified]) registry.delete(connection)
  t.equal(registry.size, 0)
  t.strictSame(registry.find({ userId: 'ada' }), [])
  t.equal(registry.get('b'), undefined)
  registry.renew(b, { userId: 'ada', user: { id: 'ada' }, expiresAt: undefined, jti: 'late' })
  t.strictSame(registry.findRevoked({ jti: 'late' }), [], 'a connection that is gone is not entered again')
})

const ids = (connections: Connection[]) => connections.map(({ id }) => id)

t.test('registry: deleting an unknown connection changes nothing', async (t) => {
  const registry = new Registry()
  registry.delete(connect().connection)
  t.equal(registry.size, 0)
})

t.test('FakeClock: advance() calls due timers in order, and no cleared timer', async (t) => {
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
