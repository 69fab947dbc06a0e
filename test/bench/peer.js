import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { once } from 'node:events'
import { FrameCounter } from './frames.js'

/** One client connection on a bare TCP socket, which keeps `inFlight` requests on their way. */
export class Peer {
  replies = 0
  #socket
  #ring
  #length
  #next = 0
  #first = []
  #secondLast = Buffer.alloc(0)
  #last = Buffer.alloc(0)
  #frames = new FrameCounter()

  /** Connects to `port`, switches to WebSocket and sends `hello`, whose answer must have `{"type":"ack"` in it. */
  static async open (port, path, hello) {
    const socket = connect(port, '127.0.0.1')
    socket.setNoDelay(true)
    socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`)
    await expected(socket, '101')
    socket.write(hello)
    await expected(socket, '{"type":"ack"')
    return new Peer(socket)
  }

  constructor (socket) {
    this.#socket = socket
  }

  /** `frames`: as many as are to be in flight, all of one length, each with an id of its own. */
  start (frames) {
    this.#length = frames[0].length
    // Twice, so that any run of them is one slice.
    this.#ring = Buffer.concat([...frames, ...frames])
    this.#socket.on('data', (chunk) => {
      // Two chunks each, because one may hold no more than part of a frame header.
      if (this.#first.length < 2) this.#first.push(chunk)
      this.#secondLast = this.#last
      this.#last = chunk
      this.#answer(this.#frames.count(chunk), frames.length)
    })
    this.#socket.write(Buffer.concat(frames))
  }

  /** Ends it. A server that refuses is fast as well: its first and last answers must be none of that. */
  close () {
    const answers = [this.#first, [this.#secondLast, this.#last]].map((chunks) => String(Buffer.concat(chunks)))
    const refusal = answers.find((text) => !text.includes('"ack"') || text.includes('"error"'))
    if (refusal !== undefined) throw new Error(`not an ack: ${refusal}`)
    this.#socket.removeAllListeners('data')
    this.#socket.on('error', () => {})
    this.#socket.destroy()
  }

  /** Replies come in the order of the requests, so that the ids that are free are the next ones. */
  #answer (ended, inFlight) {
    if (ended === 0) return
    this.replies += ended
    this.#socket.write(this.#ring.subarray(this.#next * this.#length, (this.#next + ended) * this.#length))
    this.#next = (this.#next + ended) % inFlight
  }
}

/** The `welcome` of a server may come before it. */
async function expected (socket, what) {
  let text = ''
  while (!text.includes(what)) {
    const [chunk] = await once(socket, 'data')
    text += chunk
    if (text.length > 10_000 || text.includes('"error"')) throw new Error(`expected ${what}, got ${text}`)
  }
}
