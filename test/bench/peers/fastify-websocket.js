import fastifyJwt from '@fastify/jwt'
import fastifyWebsocket from '@fastify/websocket'
import fastify from 'fastify'
import { answerOf, encodedNext, secret, serve } from './work.js'

const members = new Set()

const app = fastify()
await app.register(fastifyJwt, { secret })
await app.register(fastifyWebsocket)

app.get('/echo', { websocket: true }, (socket) => {
  socket.on('message', (data) => { socket.send(answerOf(data.toString())) })
})
app.get('/fan', { websocket: true }, (socket) => {
  members.add(socket)
  socket.on('close', () => members.delete(socket))
})
app.get('/idle', { websocket: true, onRequest: (request) => request.jwtVerify() }, (socket) => {
  socket.on('message', (data) => { socket.send(data) })
})

await app.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 })
serve(app.server.address().port, () => {
  const text = encodedNext()
  for (const member of members) member.send(text)
})
