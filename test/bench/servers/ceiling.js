import { createServer } from 'node:net'
import { createHash } from 'node:crypto'
import { FrameCounter } from '../frames.js'
import { serve } from './serve.js'

const text = Buffer.from('{"type":"ack","payload":null}'.padEnd(120))
const reply = Buffer.concat([Buffer.from([0x81, text.length]), text])
const replies = Buffer.concat(Array.from({ length: 64 }, () => reply))

/** Answers every frame with the same bytes, without a look at what it says. */
const server = createServer((socket) => {
  socket.setNoDelay(true).on('error', () => {})
  socket.once('data', (request) => {
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${accept(request.toString())}\r\n\r\n`
    )
    const frames = new FrameCounter(4)
    socket.on('data', (chunk) => {
      const count = frames.count(chunk)
      if (count > 0) socket.write(replies.subarray(0, count * reply.length))
    })
  })
})

function accept (request) {
  const key = /^sec-websocket-key: (.*)\r$/im.exec(request)[1]
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
}

server.listen(0, '127.0.0.1', () => serve(server.address().port))
