import fastifyJwt from '@fastify/jwt'
import fastifyWebsocket from '@fastify/websocket'
import fastify from 'fastify'
import { secret } from '../memory/tokens.js'
import { serve } from './serve.js'

const app = fastify()
await app.register(fastifyJwt, { secret })
await app.register(fastifyWebsocket)
app.get('/ws', { websocket: true, onRequest: (request) => request.jwtVerify() }, (socket) => {
  socket.on('message', (data) => { socket.send(data) })
})
await app.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 })
serve(app.server.address().port)
