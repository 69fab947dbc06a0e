import { WebSocketServer } from 'ws'
import { serve } from './serve.js'

const server = new WebSocketServer({ port: 0, host: '127.0.0.1', backlog: 4_096, perMessageDeflate: false })
server.on('connection', (socket) => { socket.on('message', (data) => { socket.send(data) }) })
server.on('listening', () => serve(server.address().port))
