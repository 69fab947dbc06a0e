import { Type } from '@sinclair/typebox'
import { Connection } from '../../dist/lib/connection/connection.js'
import { Counters } from '../../dist/lib/connection/counters.js'
import { Flusher } from '../../dist/lib/connection/sending/flusher.js'
import { defineChannel, defineConnection } from '../../dist/lib/contract/define-channel.js'
import { defaultLimits } from '../../dist/lib/limits/limits.js'
import { MemoryAdapter, MemoryHub } from '../../dist/lib/memory/memory-adapter.js'
import { implement } from '../../dist/lib/server/implement.js'
import { Node } from '../../dist/lib/server/node.js'
import { Router } from '../../dist/lib/server/router.js'
import { FakeClock } from '../../dist/lib/testing/fake-clock.js'
import { FakeSocket } from '../../dist/lib/testing/fake-socket.js'

// The operations whose cost must not depend on how much there is: queue, claims, history, members, connections. Each
// prepares `n` of them, and returns the operation, which takes a growing number. Time stands still, so that no periodic
// check is counted with an operation.

const clock = new FakeClock(Date.now())
const createAdapter = () => new MemoryAdapter(new MemoryHub(clock))
const log = { info () {}, warn () {}, error () {}, child: () => log }
const bytes = (text) => Buffer.from(JSON.stringify({ type: 'said', payload: text }))
const patient = {
  heartbeat: { interval: 1_000_000, timeout: 1_000 },
  drain: { wait: 0, spread: 0, timeout: 0 },
  handlerTimeout: 1_000,
  receiveQueueLimit: 10
}
const unlimited = { protocolErrors: { max: 10, timeWindow: 1_000 } }
const limits = { ...defaultLimits, messages: { max: Number.MAX_SAFE_INTEGER, timeWindow: 1 } }
const route = { messageBytes: 65_536, limits }

function identityOf (id) {
  const user = { id }
  const token = { expiresAt: undefined, jti: `token ${id}`, verify: undefined }
  return { id, userId: id, user, ip: '', ...token, releaseQuota () {} }
}

const nodes = new Map()

/** A node on a memory adapter with `n` connections that joined one channel. Operations of one size share it. */
function nodeWith (n) {
  if (!nodes.has(n)) nodes.set(n, createNode(n))
  return nodes.get(n)
}

async function createNode (n) {
  const node = new Node({ ...patient, presenceGrace: 0, ...unlimited }, createAdapter(), clock, log)
  node.start()
  const room = defineChannel({ pattern: 'room', fromClient: {}, fromServer: { said: { payload: Type.String() } } })
  const own = defineConnection({ fromClient: {}, fromServer: { said: { payload: Type.String() } } })
  const implemented = [implement(room, { authorize: () => true, on: {} }), implement(own, { on: {} })]
  const router = new Router(implemented, node.contracts, route)
  const accept = (id) => {
    const socket = new FakeSocket()
    return { id, socket, connection: node.accept(socket.webSocket, socket.transport, identityOf(id), router, log) }
  }
  const request = async ({ socket }, type) => {
    const { length } = socket.sent
    socket.emit('message', Buffer.from(JSON.stringify({ type, channel: 'room', correlationId: type })), false)
    while (!socket.sent.slice(length).some((text) => text.includes('"ack"'))) await new Promise(setImmediate)
  }
  const clients = []
  for (let i = 0; i < n; i++) {
    clients.push(accept(`user ${i}`))
    await request(clients[i], 'join')
  }
  return { node, accept, request, clients }
}

/** The messages stay unfinished, as with a peer that does not read. */
function slowConnection () {
  const socket = new FakeSocket()
  socket.isSlow = true
  const flushes = []
  const deps = {
    clock,
    flusher: new Flusher((flush) => flushes.push(flush)),
    counters: new Counters(),
    sendQueueBytes: 2 ** 30
  }
  const connection = new Connection(socket.webSocket, socket.transport, identityOf('slow'), log, deps)
  connection.send(bytes('first'))
  for (const flush of flushes) flush()
  return connection
}

const claimOf = (i) => ({ id: `id ${i}`, contentHash: 'content', owner: `owner ${i}` })
const appendOf = (i, n) => ({ id: `id ${i}`, encoded: bytes('said'), whenSlow: undefined, limit: n, ttl: 60_000 })

export const operations = {
  'push with latest': async (n) => {
    const connection = slowConnection()
    const push = (i) => connection.send(bytes('moved'), { latest: `user ${i % n}` })
    for (let i = 0; i < n; i++) push(i)
    return push
  },

  'skip and resync': async (n) => {
    const connection = slowConnection()
    const sources = Array.from({ length: n }, () => ({ resync: () => bytes('resync') }))
    const skip = (i) => connection.send(bytes('moved'), 'skip', sources[i % n])
    for (let i = 0; i < n; i++) skip(i)
    return skip
  },

  'idempotency claim': async (n) => {
    const { idempotency } = createAdapter()
    const handle = async (i) => {
      await idempotency.claim('room', claimOf(i))
      await idempotency.finish('room', claimOf(i), '{}', [])
    }
    for (let i = 0; i < n; i++) await handle(i)
    return (i) => handle(n + i)
  },

  append: async (n) => {
    const { history } = createAdapter()
    for (let i = 0; i < n; i++) await history.append('room', appendOf(i, n))
    return (i) => history.append('room', appendOf(n + i, n))
  },

  'refused append': async (n) => {
    const { history } = createAdapter()
    for (let i = 0; i < n; i++) await history.append('room', appendOf(i, n))
    const after = { epoch: 'invented', offset: 1, hash: 'invented' }
    return (i) => history.append('room', { ...appendOf(n + i, n), after })
  },

  'presence: enter and exit': async (n) => {
    const { presence } = createAdapter()
    const enter = (i) => presence.enter('room', { connection: `${i}`, user: `user ${i}`, data: {} })
    for (let i = 0; i < n; i++) await enter(i)
    return async (i) => {
      await enter(n + i)
      await presence.exit('room', `${n + i}`)
    }
  },

  'join and leave': async (n) => {
    const { accept, request } = await nodeWith(n)
    return async (i) => {
      const client = accept(`new ${i}`)
      await request(client, 'join')
      await request(client, 'leave')
      client.socket.emit('close', 1006)
    }
  },

  'targeted send': async (n) => {
    const { node, clients } = await nodeWith(n)
    return (i) => node.requests.requestSum('send', {
      userId: clients[i % n].id, type: 'said', text: '{"type":"said","payload":"to one"}'
    })
  },

  remove: async (n) => {
    const { node, clients, request } = await nodeWith(n)
    return async (i) => {
      const target = { userId: clients[i % n].id }
      await node.requests.requestSum('remove', { channel: 'room', target, code: 'removed' })
      await request(clients[i % n], 'join')
    }
  },

  'revoke a user': async (n) => {
    const { node, accept } = await nodeWith(n)
    return (i) => {
      const { socket } = accept(`revoked ${i}`)
      node.revoke(`user revoked ${i}`, Date.now() + 60_000)
      socket.emit('close', 1006)
    }
  },

  'revoke a token': async (n) => {
    const { node, accept } = await nodeWith(n)
    return (i) => {
      const { socket } = accept(`holder ${i}`)
      node.revoke(`jti token holder ${i}`, Date.now() + 60_000)
      socket.emit('close', 1006)
    }
  }
}

/** These may cost as much for each member, and no more. */
export const broadcasts = {
  broadcast: async (n) => {
    const { node } = await nodeWith(n)
    return async () => {
      node.rooms.broadcast('room', bytes('to all'))
      await new Promise(setImmediate)
    }
  }
}
