import { createServer } from 'node:http'
import { Server } from 'socket.io'
import { isQuote, nextPayload, serve, userOf } from './work.js'

const server = createServer()
const io = new Server(server, {
  transports: ['websocket'],
  allowRequest ({ url, headers }, done) {
    const isAllowed = !url.includes('path=idle') || userOf(headers.authorization)
    done(isAllowed ? null : 'unauthorized', Boolean(isAllowed))
  }
})
io.on('connection', (socket) => {
  socket.join('room')
  socket.on('echo', (payload, ack) => ack(isQuote(payload) ? payload : { error: 'invalid' }))
})
server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
  serve(server.address().port, () => io.to('room').emit('said', nextPayload()))
})
