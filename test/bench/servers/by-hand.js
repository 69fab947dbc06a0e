import fastifyWebsocket from '@fastify/websocket'
import fastify from 'fastify'
import { serve } from './serve.js'

const app = fastify()
await app.register(fastifyWebsocket)
app.get('/ws', { websocket: true }, (socket) => {
  socket.on('message', (data) => {
    const { channel, payload, correlationId } = JSON.parse(data.toString())
    socket.send(JSON.stringify({ type: 'ack', channel, payload, correlationId }))
  })
})
await app.listen({ port: 0, host: '127.0.0.1' })
serve(app.server.address().port)
