import { createServer } from 'node:http'
import { createAdapter } from '@socket.io/redis-streams-adapter'
import { Redis } from 'ioredis'
import { Server } from 'socket.io'
import type { NodeOrder, NodeSettings } from '../rig/rig-node.ts'
import type { RigMessage } from '../rig/contract.ts'

// One node of the rig with Socket.IO, connection state recovery and the Redis Streams adapter, in a process of its own.

const { port, redis } = JSON.parse(process.argv[2] as string) as NodeSettings
const client = new Redis((redis as { url: string }).url, { protocol: 2 })
client.on('error', () => {})

const server = createServer()
const io = new Server(server, {
  adapter: createAdapter(client),
  transports: ['websocket'],
  connectionStateRecovery: { maxDisconnectionDuration: 120_000, skipMiddlewares: true }
})
io.on('connection', (socket) => {
  if (!socket.recovered) socket.join(socket.handshake.auth['channels'] as string[])
  for (const kind of ['write', 'say', 'hint']) {
    socket.on(kind, (message: RigMessage, ack: () => void) => {
      io.to(message.of).emit('delivered', message.of, { ...message, connection: socket.id })
      ack()
    })
  }
})
server.listen(port, '127.0.0.1', () => { process.send?.('ready') })

process.on('message', ({ order }: NodeOrder) => { if (order === 'close') io.close().finally(() => process.exit()) })
process.on('disconnect', () => process.exit())
