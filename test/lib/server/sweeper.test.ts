import t from 'tap'
import { MemoryAdapter, MemoryHub } from '../../../lib/memory/memory-adapter.ts'
import { defaultLimits } from '../../../lib/limits/limits.ts'
import { Node } from '../../../lib/server/node.ts'
import { Router } from '../../../lib/server/router.ts'
import type { CloseEvent } from '../../../lib/protocol/close-events.ts'
import type { Logger } from '../../../lib/logger.ts'
import { FakeClock } from '../../../lib/testing/fake-clock.ts'
import { FakeSocket } from '../../../lib/testing/fake-socket.ts'
import { implementLab } from '../../support/lab.ts'

/** A node with connections on fake sockets. */
function makeNode () {
  const clock = new FakeClock()
  const hub = new MemoryHub(clock)
  const warnings: object[] = []
  const log: Logger = { info () {}, warn: (details) => warnings.push(details), error () {}, child: () => log }
  const options = {
    heartbeat: { interval: 1_000_000, timeout: 1000 },
    drain: { wait: 0, spread: 0, timeout: 0 },
    handlerTimeout: 1000,
    receiveQueueLimit: 10,
    presenceGrace: 0,
    protocolErrors: { max: 10, timeWindow: 1000 },
    limits: defaultLimits
  }
  const node = new Node(options, new MemoryAdapter(hub), clock, log)
  node.start()
  const ends: CloseEvent[] = []
  const router = new Router([implementLab()], node.contracts, {
    messageBytes: 65_536, limits: defaultLimits, disconnected: (_ctx, reason) => { ends.push(reason) }
  })
  const accept = (id: string) => {
    const socket = new FakeSocket()
    const user = { id, name: id }
    const identity = {
      id, userId: id, user, ip: '', expiresAt: undefined, jti: undefined, verify: undefined, quotas: { release () {} }
    }
    return { socket, connection: node.accept(socket.webSocket, socket.transport, identity, router, log) }
  }
  return { node, clock, hub, accept, warnings, ends }
}

/** Joins, and waits for the ack. */
async function join ({ socket }: { socket: FakeSocket }, channel: string): Promise<void> {
  socket.emit('message', Buffer.from(JSON.stringify({ type: 'join', channel, correlationId: 'j' })), false)
  while (!socket.sent.some((text) => text.includes('"ack"'))) await new Promise(setImmediate)
}

t.test('sweeper', async (t) => {
  t.test('sweeper: a connection whose socket closed without an event is removed after 60 s', async (t) => {
    const { node, clock, hub, accept, warnings } = makeNode()
    const gone = accept('gone')
    await join(gone, 'lab/a')
    gone.socket.readyState = gone.socket.CLOSED
    clock.advance(59_999)
    t.equal(node.registry.size, 1)
    clock.advance(1)
    t.strictSame(node.swept, { closed: 1, unwatched: 0, orphaned: 0 })
    t.strictSame(
      [node.registry.size, node.connections.sessions.size, node.rooms.size, node.heartbeat.size], [0, 0, 0, 0]
    )
    t.strictSame(hub.presenceList('lab/a').entries, [])
    t.match(warnings, [{ reason: 'closed' }])
    gone.socket.emit('close', 1006)
    t.equal(node.swept.closed, 1, 'a late close event changes nothing')
  })

  t.test('sweeper: a connection that the heartbeat does not watch is removed', async (t) => {
    const { node, clock, accept, warnings, ends } = makeNode()
    const { connection, socket } = accept('quiet')
    accept('healthy')
    node.heartbeat.unwatch(connection)
    clock.advance(60_000)
    t.strictSame(node.swept, { closed: 0, unwatched: 1, orphaned: 0 })
    t.equal(socket.terminations, 1)
    t.strictSame(node.registry.all().map(({ id }) => id), ['healthy'])
    t.match(warnings, [{ reason: 'unwatched' }])
    while (ends.length === 0) await new Promise(setImmediate)
    t.strictSame(ends, [{ code: 1006, reason: '' }], 'the application learns of its end')
  })

  t.test('sweeper: sessions, members and presence without a connection are removed', async (t) => {
    const { node, clock, hub, accept } = makeNode()
    const lost = accept('lost')
    await join(lost, 'lab/a')
    node.registry.delete(lost.connection)
    const ghost = { id: 'ghost', userId: 'ghost', send: () => {}, sendResync: () => {}, sendPages: () => {} }
    await node.rooms.openRoom('lab/b')
    await node.rooms.enterPresence('lab/b', ghost, { name: 'ghost' })
    node.rooms.addMember('lab/b', ghost)
    clock.advance(60_000)
    t.strictSame(node.swept, { closed: 0, unwatched: 0, orphaned: 2 })
    t.strictSame([node.connections.sessions.size, node.rooms.size, node.heartbeat.size], [0, 0, 0])
    for (const channel of ['lab/a', 'lab/b']) t.strictSame(hub.presenceList(channel).entries, [])
  })

  t.test('sweeper: healthy connections stay, and no timer remains after close', async (t) => {
    const { node, clock, accept } = makeNode()
    const healthy = accept('healthy')
    await join(healthy, 'lab/a')
    clock.advance(120_000)
    t.strictSame(node.swept, { closed: 0, unwatched: 0, orphaned: 0 })
    t.equal(node.rooms.members('lab/a').length, 1)
    node.connections.remove(healthy.connection)
    await node.close()
    t.equal(clock.pending, 0)
  })
})

t.test('session: remove from a channel that the connection has not joined changes nothing', async (t) => {
  const { node, accept } = makeNode()
  const { socket } = accept('a')
  t.equal(node.connections.sessions.get('a')?.remove('lab/a', 'removed'), false)
  t.strictSame(socket.sent, [], 'the client gets no left message')
})
