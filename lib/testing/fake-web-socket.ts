import type { Welcome } from '../protocol/control-messages.ts'
import type { Envelope } from '../protocol/envelope.ts'
import type { WebSocketConstructor, WebSocketLike } from '../client/transport/web-socket.ts'

/** A WebSocket without a network, for tests of the client. The test plays the server: each method says which part. */
export class FakeWebSocket extends EventTarget implements WebSocketLike {
  /** The URL that the client connected to. */
  readonly url: string
  /** The subprotocols that the client offered. */
  readonly protocols: readonly string[]
  /** The envelopes that the client sent, in order. */
  readonly sent: Envelope[] = []
  /** The close code that the client passed first. Undefined while the client has not closed the WebSocket. */
  closedWith: number | undefined

  constructor (url: string, protocols: string[]) {
    super()
    this.url = url
    this.protocols = protocols
  }

  /** Records an envelope of the client. */
  send (text: string): void {
    this.sent.push(JSON.parse(text))
  }

  /** Records the close code of the client. It emits no event; `end` does. */
  close (code?: number): void {
    this.closedWith ??= code
  }

  /**
   * The server accepts the connection and sends `welcome`. Without other `members` it takes messages of 65,536 bytes,
   * and names no patterns of channels.
   */
  accept (members: Partial<Welcome> = {}): void {
    this.#emit('open', {})
    const limits = { messageBytes: 65_536, channelLength: 256, depth: 64 }
    this.say({ type: 'welcome', payload: { connectionId: 'fake', limits, ...members } })
  }

  /** The server sends an envelope. */
  say (envelope: Envelope): void {
    this.frame(JSON.stringify(envelope))
  }

  /** The server sends a message with any data, such as invalid JSON. */
  frame (data: unknown): void {
    this.#emit('message', { data })
  }

  /** The server or the network closes the connection. Without a code it is closed as by a lost network. */
  end (code?: number, reason?: string): void {
    this.#emit('close', { code, reason })
  }

  /** The connection fails. A WebSocket emits `error` before its `close`. */
  fail (): void {
    this.#emit('error', {})
  }

  /** The latest envelope of this type that the client sent. Undefined if there is none. */
  latest (type: string): Envelope | undefined {
    return this.sent.findLast((envelope) => envelope.type === type)
  }

  /** The server sends an ack for the latest envelope of this type. */
  ack (type: string, payload?: unknown): void {
    this.#reply('ack', type, payload)
  }

  /** The server sends an error for the latest envelope of this type. */
  refuse (type: string, payload: unknown): void {
    this.#reply('error', type, payload)
  }

  #reply (reply: string, type: string, payload: unknown): void {
    this.say({ ...this.latest(type), type: reply, payload })
  }

  #emit (type: string, properties: object): void {
    this.dispatchEvent(Object.assign(new Event(type), properties))
  }
}

/** Replaces the network of a client: pass its `WebSocket` to `connect`. */
export class FakeNetwork {
  /** All WebSockets that the client has created, in order. */
  readonly sockets: FakeWebSocket[] = []
  /** The constructor for the option `WebSocket` of `connect`. */
  readonly WebSocket: WebSocketConstructor

  constructor () {
    const { sockets } = this
    this.WebSocket = class extends FakeWebSocket {
      constructor (url: string, protocols: string[]) {
        super(url, protocols)
        sockets.push(this)
      }
    }
  }

  /**
   * The WebSocket that the client created last.
   *
   * @throws if the client has created none
   */
  get last (): FakeWebSocket {
    const last = this.sockets.at(-1)
    if (!last) throw new Error('no WebSocket was created: wait until the client connects')
    return last
  }
}
