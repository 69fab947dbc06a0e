import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { masked } from '../frames.js'

/**
 * Clients that return, on bare sockets: a client that decodes 62 KB of messages takes as long as the server that sends
 * them, so it would be measured in place of the server. What each one has received is decoded after the measurement.
 *
 * Two messages from the parent: `open`, and `return`, which is answered with milliseconds and CPU time.
 */
const channel = 'persistent'
let clients = []

process.on('message', async ({ question, ...rest }) => process.send(await answers[question](rest)))
process.on('disconnect', () => process.exit())

const answers = {
  async open ({ port, positions, count }) {
    const since = (i) => positions[i % positions.length]
    clients = await Promise.all(Array.from({ length: count }, (_, i) => Returning.open(port, since(i))))
    return 'open'
  },
  async return () {
    const before = process.cpuUsage()
    const began = performance.now()
    await Promise.all(clients.map((client) => client.join()))
    const ms = performance.now() - began
    const { user, system } = process.cpuUsage(before)
    const bytes = clients.reduce((sum, client) => sum + client.check(), 0)
    for (const client of clients) client.close()
    return { ms, busy: (user + system) / 1_000 / ms, bytes }
  }
}

class Returning {
  #socket
  #since
  #request
  /** What has arrived of the HTTP response or of the next frame. */
  #chunks = []
  #received = 0
  #wanted = 0
  #isUpgraded = false
  #take

  static async open (port, since) {
    const client = new Returning(connect({ port, host: '127.0.0.1', noDelay: true }), since)
    await client.#upgrade()
    return client
  }

  constructor (socket, since) {
    this.#socket = socket
    this.#since = since
    this.#request = masked(JSON.stringify({ type: 'join', channel, correlationId: 'join', payload: { since } }))
    socket.on('data', (chunk) => this.#receive(chunk))
  }

  /** Resolves with `welcome`. */
  #upgrade () {
    this.#socket.write('GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`)
    return this.#next()
  }

  /** Resolves when the whole reply has arrived. */
  async join () {
    this.#socket.write(this.#request)
    this.ack = await this.#next()
  }

  /** Resolves with the next text. */
  #next () {
    return new Promise((resolve) => { this.#take = resolve })
  }

  #receive (chunk) {
    this.#chunks.push(chunk)
    this.#received += chunk.length
    if (this.#received < this.#wanted) return
    let rest = Buffer.concat(this.#chunks)
    if (!this.#isUpgraded) rest = this.#readResponse(rest)
    while (this.#isUpgraded && rest.length >= frameBytes(rest)) rest = this.#readFrame(rest)
    this.#chunks = [rest]
    this.#received = rest.length
    this.#wanted = this.#isUpgraded ? frameBytes(rest) : 0
  }

  #readResponse (all) {
    const end = all.indexOf('\r\n\r\n')
    this.#isUpgraded = end > 0
    return all.subarray(this.#isUpgraded ? end + 4 : 0)
  }

  #readFrame (all) {
    const end = frameBytes(all)
    if ((all[0] & 0x0f) === textOpcode) this.#take(all.subarray(headerBytes(all), end))
    return all.subarray(end)
  }

  /** How many bytes arrived. Throws unless they are an ack with all messages after the client's position. */
  check () {
    const { type, payload: { recovered, offset, messages = [] } } = JSON.parse(this.ack)
    const isWhole = messages.length === offset - this.#since.offset &&
      messages.every((message, i) => message.offset === this.#since.offset + 1 + i)
    if (type !== 'ack' || !recovered || !isWhole) throw new Error('a client was not recovered')
    return this.ack.length
  }

  close () {
    this.#socket.on('error', () => {})
    this.#socket.destroy()
  }
}

const textOpcode = 1

function headerBytes (bytes) {
  return { 126: 4, 127: 10 }[bytes[1]] ?? 2
}

/** The size of the frame that these bytes begin with, or more than there are. */
function frameBytes (bytes) {
  const header = headerBytes(bytes)
  if (bytes.length < header) return header
  if (header === 2) return header + bytes[1]
  return header + (header === 4 ? bytes.readUInt16BE(2) : bytes.readUInt32BE(6))
}
