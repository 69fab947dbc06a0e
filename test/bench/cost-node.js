import { Type } from '@sinclair/typebox'
import { defineChannel, defineConnection } from '../../dist/lib/contract/define-channel.js'
import { defaultLimits } from '../../dist/lib/limits/limits.js'
import { MemoryAdapter, MemoryHub } from '../../dist/lib/memory/memory-adapter.js'
import { implement } from '../../dist/lib/server/implement.js'
import { Node } from '../../dist/lib/server/node.js'
import { Router } from '../../dist/lib/server/router.js'
import { FakeClock } from '../../dist/lib/testing/fake-clock.js'
import { FakeSocket } from '../../dist/lib/testing/fake-socket.js'

// A node on a memory adapter and on fake sockets. Time stands still, so that no periodic check is counted with what is
// measured.

export const clock = new FakeClock(Date.now())
export const createAdapter = () => new MemoryAdapter(new MemoryHub(clock))
export const log = { info () {}, warn () {}, error () {}, child: () => log }
export const bytes = (text) => Buffer.from(JSON.stringify({ type: 'said', payload: text }))

const patient = {
  heartbeat: { interval: 1_000_000, timeout: 1_000 },
  drain: { wait: 0, spread: 0, timeout: 0 },
  handlerTimeout: 1_000,
  receiveQueueLimit: 10
}
const unlimited = { protocolErrors: { max: 10, timeWindow: 1_000 } }
const any = { max: Number.MAX_SAFE_INTEGER, timeWindow: 1 }
const route = { messageBytes: 65_536, limits: { ...defaultLimits, messages: any, joins: any, channels: 1_000 } }

export function identityOf (id) {
  const user = { id }
  const token = { expiresAt: undefined, jti: `token ${id}`, verify: undefined }
  return { id, userId: id, user, ip: '', ...token, quotas: { release () {} } }
}

const said = { payload: Type.String() }
const params = Type.Object({ id: Type.String() })
const contracts = ['room', 'room/:id'].map((pattern) => {
  return defineChannel({ pattern, fromClient: {}, fromServer: { said }, ...(pattern !== 'room' && { params }) })
})
const own = defineConnection({ fromClient: {}, fromServer: { said } })

/** Connections may join `room` and any `room/<id>`. */
export function startNode () {
  const node = new Node({ ...patient, presenceGrace: 0, ...unlimited }, createAdapter(), clock, log)
  node.start()
  const implemented = contracts.map((contract) => implement(contract, { authorize: () => true, on: {} }))
  const router = new Router([...implemented, implement(own, { on: {} })], node.contracts, route)

  const accept = (id) => {
    const socket = new FakeSocket()
    return { id, socket, connection: node.accept(socket.webSocket, socket.transport, identityOf(id), router, log) }
  }
  /** Sends `join` or `leave`; resolves at the ack. */
  const request = async ({ socket }, type, channel = 'room') => {
    const { length } = socket.sent
    socket.emit('message', Buffer.from(JSON.stringify({ type, channel, correlationId: type })), false)
    while (!socket.sent.slice(length).some((text) => text.includes('"ack"'))) await new Promise(setImmediate)
  }
  /** Sends a message to the members of a channel; resolves once all have it. */
  const broadcast = async (channel, members) => {
    const sockets = [members[0], members.at(-1)].map(({ socket }) => socket)
    const counts = sockets.map(({ sent }) => sent.length)
    node.rooms.broadcast(channel, bytes('to all'))
    while (sockets.some(({ sent }, i) => sent.length === counts[i])) await new Promise(setImmediate)
  }
  const send = ({ id }) => node.requests.requestSum('send', {
    userId: id, type: 'said', text: '{"type":"said","payload":"to one"}'
  })
  return { node, accept, request, broadcast, send }
}
