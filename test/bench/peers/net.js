import { createHash } from 'node:crypto'
import { createServer } from 'node:net'
import { FrameCounter } from '../frames.js'
import { encodedNext, serve, userOf } from './work.js'

// Frames by hand on bare TCP sockets: what Node.js itself can do. It answers every request with the same bytes, without
// a look at what it says.

const members = new Set()

const frameOf = (text) => {
  const length = Buffer.byteLength(text)
  const header = length < 126 ? [0x81, length] : [0x81, 126, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from(header), Buffer.from(text)])
}
const reply = frameOf('{"type":"ack","payload":null}'.padEnd(120))
const replies = Buffer.concat(Array.from({ length: 64 }, () => reply))

function answer (socket) {
  const frames = new FrameCounter(4)
  socket.on('data', (chunk) => {
    const count = frames.count(chunk)
    if (count > 0) socket.write(replies.subarray(0, count * reply.length))
  })
}

const server = createServer((socket) => {
  socket.setNoDelay(true).on('error', () => {})
  socket.once('data', (bytes) => {
    const request = bytes.toString()
    const header = (name) => new RegExp(`^${name}: (.*)\\r$`, 'im').exec(request)?.[1]
    if (request.startsWith('GET /idle') && !userOf(header('authorization'))) return socket.destroy()
    const key = `${header('sec-websocket-key')}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${createHash('sha1').update(key).digest('base64')}\r\n\r\n`)
    if (!request.startsWith('GET /fan')) return answer(socket)
    members.add(socket)
    socket.on('close', () => members.delete(socket)).resume()
  })
})

const pending = []

/** All messages of an event-loop turn leave in one write for each member. */
function flush () {
  const frames = Buffer.concat(pending.splice(0))
  for (const member of members) member.write(frames)
}

server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => serve(server.address().port, () => {
  if (pending.push(frameOf(encodedNext())) === 1) queueMicrotask(flush)
}))
