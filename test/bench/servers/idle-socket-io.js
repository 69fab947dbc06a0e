import { createServer } from 'node:http'
import { Server } from 'socket.io'
import { jwtWith, secret } from '../memory/tokens.js'
import { serve } from './serve.js'

const jwt = await jwtWith(secret)
const server = createServer()
const io = new Server(server, {
  transports: ['websocket'],
  allowRequest ({ headers }, done) {
    try {
      jwt.verify(headers.authorization.slice('Bearer '.length))
      done(null, true)
    } catch (error) {
      done(error.message, false)
    }
  }
})
io.on('connection', (socket) => { socket.join('room') })
server.listen(0, '127.0.0.1', 4_096, () => serve(server.address().port))
