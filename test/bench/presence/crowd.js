import { once } from 'node:events'
import { connect } from 'node:net'
import { TestClient } from '../../../dist/lib/testing/test-client.js'
import { masked } from '../frames.js'

/** The time between two joins, and how long a user stays away. */
const joinEveryMs = 10
const awayMs = 2_000

/** A user whose messages are read, and looked at only for the ack of a join. */
class User {
  #socket
  #joins = 0
  #acked

  static async connect (port, room, id) {
    const socket = connect(port, '127.0.0.1')
    socket.write(`GET /ws?user=${id} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\n` +
      'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n')
    socket.setNoDelay(true)
    const [chunk] = await once(socket, 'data')
    if (!chunk.includes('101')) throw new Error(String(chunk))
    return new User(socket, room)
  }

  constructor (socket, room) {
    this.#socket = socket
    this.room = room
    socket.on('data', (chunk) => { if (this.#acked && chunk.includes(`"join ${this.#joins}"`)) this.#acked() })
  }

  /** Resolves when the ack begins to arrive. */
  join () {
    this.#send({ type: 'join', channel: this.room, correlationId: `join ${++this.#joins}` })
    return new Promise((resolve) => { this.#acked = resolve })
  }

  leave () {
    this.#send({ type: 'leave', channel: this.room })
  }

  #send (message) {
    this.#socket.write(masked(JSON.stringify(message)))
  }
}

const users = []
let watcher
let room

const answers = {
  async connect ({ port, room: name, members }) {
    room = name
    while (users.length < members - 1) {
      const batch = Array.from({ length: Math.min(100, members - 1 - users.length) }, (_, i) => users.length + i)
      users.push(...await Promise.all(batch.map((id) => User.connect(port, room, id))))
    }
    watcher = await TestClient.connect(`ws://127.0.0.1:${port}/ws?user=watcher`)
    watcher.webSocket.setMaxListeners(0)
    await watcher.request('join', room)
  },

  async join () {
    const all = Promise.all(users.map((user) => user.join()))
    await changeSeen()
    await all
  },

  async churn ({ seconds }) {
    const acks = []
    const changes = []
    const away = []
    for (let i = 0; i < seconds * 1_000 / joinEveryMs; i++) {
      const user = users[i % users.length]
      user.leave()
      away.push(user)
      if (away.length > awayMs / joinEveryMs) measure(away.shift(), acks, changes)
      await new Promise((resolve) => setTimeout(resolve, joinEveryMs))
    }
    return { ackP50: at(acks, 0.5), ackP99: at(acks, 0.99), changeP50: at(changes, 0.5), changeP99: at(changes, 0.99) }
  }
}

async function measure (user, acks, changes) {
  const began = performance.now()
  await user.join()
  acks.push(performance.now() - began)
  await changeSeen()
  changes.push(performance.now() - began)
}

/** Until the watcher gets its next message. Members of this room get nothing but presence. */
const changeSeen = () => once(watcher.webSocket, 'message')

const at = (values, part) => values.sort((a, b) => a - b)[Math.floor((values.length - 1) * part)]

process.on('message', async ({ question, ...rest }) => process.send(await answers[question](rest) ?? 'done'))
process.on('disconnect', () => process.exit())
