import { Connection } from '../../dist/lib/connection/connection.js'
import { Counters } from '../../dist/lib/connection/counters.js'
import { Flusher } from '../../dist/lib/connection/sending/flusher.js'
import { FakeSocket } from '../../dist/lib/testing/fake-socket.js'
import { bytes, clock, createAdapter, identityOf, log, startNode } from './cost-node.js'

// The operations whose cost must not depend on how much there is: queue, claims, history, members, connections. Each
// prepares `n` of them, and returns the operation, which takes a growing number.

const nodes = new Map()

/** A node with `n` connections that joined one channel. Operations of one size share it. */
function nodeWith (n) {
  if (!nodes.has(n)) nodes.set(n, createNode(n))
  return nodes.get(n)
}

async function createNode (n) {
  const started = startNode()
  const clients = []
  for (let i = 0; i < n; i++) {
    clients.push(started.accept(`user ${i}`))
    await started.request(clients[i], 'join')
  }
  return { ...started, clients }
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
    const { send, clients } = await nodeWith(n)
    return (i) => send(clients[i % n])
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
    const { broadcast, clients } = await nodeWith(n)
    return () => broadcast('room', clients)
  }
}
