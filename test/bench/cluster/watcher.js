import { once } from 'node:events'
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { FrameCounter, masked } from '../frames.js'

/** A member on a bare TCP socket, that counts what it gets. */
export class Watcher {
  frames = 0
  #socket
  #counter = new FrameCounter()

  /** `hello` enters the room; what it is answered has `welcome` in it. */
  static async open (port, { path, hello, welcome }) {
    const socket = connect(port, '127.0.0.1')
    socket.setNoDelay(true)
    socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`)
    await heard(socket, '101')
    socket.write(masked(hello))
    await heard(socket, welcome)
    return new Watcher(socket)
  }

  constructor (socket) {
    this.#socket = socket
  }

  /** Counts from now on. `told` is given each chunk with the number of frames that end in it. */
  watch (told = () => {}) {
    this.#socket.on('data', (chunk) => {
      const ended = this.#counter.count(chunk)
      this.frames += ended
      told(chunk, ended)
    })
  }

  say (text) {
    this.#socket.write(masked(text))
  }

  close () {
    this.#socket.removeAllListeners('data')
    this.#socket.on('error', () => {})
    this.#socket.destroy()
  }
}

async function heard (socket, what) {
  let text = ''
  while (!text.includes(what)) text += (await once(socket, 'data'))[0]
}
