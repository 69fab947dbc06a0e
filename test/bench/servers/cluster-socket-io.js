import { createServer } from 'node:http'
import { createAdapter } from '@socket.io/redis-adapter'
import { createAdapter as createStreamsAdapter } from '@socket.io/redis-streams-adapter'
import { Redis } from 'ioredis'
import { Server } from 'socket.io'
import { serve } from './serve.js'

const redis = new Redis(process.env.REDIS_URL, { protocol: 2 })
const adapter = process.argv[2] === 'streams' ? createStreamsAdapter(redis) : createAdapter(redis, redis.duplicate())

const server = createServer()
const io = new Server(server, { adapter, transports: ['websocket'] })
io.on('connection', (socket) => {
  socket.join('bench')
  socket.on('say', (payload) => io.to('bench').emit('said', payload))
})
server.listen(0, '127.0.0.1', () => serve(server.address().port))
