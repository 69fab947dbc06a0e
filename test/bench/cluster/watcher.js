import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { FrameCounter, masked } from '../frames.js'

/** Every watcher reads into it, one after another: a buffer for each read would be most of what reading costs. */
const buffer = Buffer.allocUnsafeSlow(65_536)

/** A member on a bare TCP socket, that counts what it gets. */
export class Watcher {
  frames = 0
  #socket
  #counter = new FrameCounter()
  #take = () => {}

  /** `hello` enters the room; what it is answered has `welcome` in it. */
  static async open (port, { path, hello, welcome }) {
    const watcher = new Watcher(port)
    watcher.#socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n` +
      'Upgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`)
    await watcher.#heard('101')
    watcher.#socket.write(masked(hello))
    await watcher.#heard(welcome)
    return watcher
  }

  constructor (port) {
    const callback = (bytes) => {
      this.#take(buffer.subarray(0, bytes))
      return true
    }
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer, callback } })
  }

  /** Counts from now on. `told` is given each chunk, which is good until it returns. */
  watch (told) {
    this.#take = (chunk) => {
      this.frames += this.#counter.count(chunk)
      told?.(chunk)
    }
  }

  say (text) {
    this.#socket.write(masked(text))
  }

  close () {
    this.#take = () => {}
    this.#socket.on('error', () => {})
    this.#socket.destroy()
  }

  async #heard (what) {
    let text = ''
    while (!text.includes(what)) {
      text += await new Promise((resolve) => {
        this.#take = (chunk) =>
          resolve(chunk.toString('latin1'))
      })
    }
    this.#take = () => {}
  }
}
