import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { masked } from '../frames.js'
import { secret, signerOf } from './tokens.js'

// A process of connections that upgrade with a token of their own, send a frame if there is one, and then stay as they
// are. Its parent says how many to open; `close` ends all. Its argument is the secret of the server's tokens.

const tokenOf = await signerOf(process.argv[2] ?? secret)

const sockets = new Set()

async function open ({ port, path = '/ws', hello, answer }, i) {
  const socket = connect(port, '127.0.0.1')
  sockets.add(socket)
  socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n` +
    `Authorization: Bearer ${tokenOf(i)}\r\n\r\n`)
  await received(socket, 'HTTP/1.1 101')
  if (hello) {
    socket.write(masked(hello))
    await received(socket, answer)
  }
  socket.on('error', () => {}).resume()
}

/** Resolves once the server has sent the text. */
async function received (socket, text) {
  for (let bytes = ''; !bytes.includes(text);) {
    bytes += String(await Promise.race([once(socket, 'data'), once(socket, 'end')]))
    if (bytes.startsWith('HTTP/1.1 4')) throw new Error(`refused: ${bytes}`)
  }
}

/** Resolves to the seconds that it took. `concurrency`: how many upgrades are on their way at once. */
async function openAll ({ from, count, concurrency, ...target }) {
  let next = from
  const began = performance.now()
  await Promise.all(Array.from({ length: concurrency }, async () => {
    while (next < from + count) await open(target, next++)
  }))
  return (performance.now() - began) / 1_000
}

process.on('message', async (order) => {
  if (order !== 'close') return process.send(await openAll(order))
  for (const socket of sockets) socket.destroy()
  sockets.clear()
  process.send('closed')
})
process.on('disconnect', () => process.exit())
