import { createServer } from 'node:http'
import { WebSocketServer } from 'ws'
import { answerOf, encodedNext, serve, userOf } from './work.js'

const members = new Set()

function accept (socket, { url }) {
  if (url === '/fan') {
    members.add(socket)
    socket.on('close', () => members.delete(socket))
  } else {
    socket.on('message', (data) => { socket.send(answerOf(data.toString())) })
  }
}

const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false })
const server = createServer().on('upgrade', (request, stream, head) => {
  if (request.url === '/idle' && !userOf(request.headers.authorization)) {
    stream.end('HTTP/1.1 401 Unauthorized\r\n\r\n')
    return
  }
  sockets.handleUpgrade(request, stream, head, (socket) => accept(socket, request))
})

server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => serve(server.address().port, () => {
  const text = encodedNext()
  for (const member of members) member.send(text)
}))
