import { createServer } from 'node:http'
import { createVerifier } from 'fast-jwt'
import { Server } from 'socket.io'
import { secret } from '../memory/tokens.js'
import { serve } from './serve.js'

const verify = createVerifier({ key: secret })
const server = createServer()
const io = new Server(server, {
  transports: ['websocket'],
  allowRequest ({ headers }, done) {
    try {
      verify(headers.authorization.slice('Bearer '.length))
      done(null, true)
    } catch (error) {
      done(error.message, false)
    }
  }
})
io.on('connection', (socket) => { socket.join('room') })
server.listen(0, '127.0.0.1', 4_096, () => serve(server.address().port))
