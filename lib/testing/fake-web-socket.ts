import type { Envelope } from '../protocol/envelope.ts'
import type {
  SocketEventType, SocketListener, WebSocketConstructor, WebSocketLike
} from '../client/transport/web-socket.ts'

/** A WebSocket whose other end is the test: nothing happens on it unless the test says so. */
export class FakeWebSocket extends EventTarget implements WebSocketLike {
  readonly url: string
  readonly protocols: readonly string[]
  /** What the client sent, in order. */
  readonly sent: Envelope[] = []
  /** The events that the client listens to. */
  readonly listened = new Set<string>()
  /** The code with which the client closed it; undefined until then. */
  closedWith: number | undefined

  constructor (url: string, protocols: string[]) {
    super()
    this.url = url
    this.protocols = protocols
  }

  override addEventListener (type: SocketEventType, listener: SocketListener): void {
    this.listened.add(type)
    super.addEventListener(type, listener)
  }

  override removeEventListener (type: SocketEventType, listener: SocketListener): void {
    this.listened.delete(type)
    super.removeEventListener(type, listener)
  }

  send (text: string): void {
    this.sent.push(JSON.parse(text))
  }

  close (code?: number): void {
    this.closedWith ??= code
  }

  /** The server accepts the connection. */
  accept (): void {
    this.#happen('open', {})
  }

  /** The server sends an envelope. */
  say (envelope: Envelope): void {
    this.frame(JSON.stringify(envelope))
  }

  /** The server sends a frame, whatever is in it. */
  frame (data: unknown): void {
    this.#happen('message', { data })
  }

  /** The connection ends as the server or the network wants it. */
  end (code?: number, reason?: string): void {
    this.#happen('close', { code, reason })
  }

  /** The connection fails, as an event that comes before its close. */
  fail (): void {
    this.#happen('error', {})
  }

  /** The latest message of that type that the client sent. */
  latest (type: string): Envelope | undefined {
    return this.sent.findLast((envelope) => envelope.type === type)
  }

  /** The server acks the latest message of that type. */
  ack (type: string, payload?: unknown): void {
    this.#reply('ack', type, payload)
  }

  /** The server refuses the latest message of that type. */
  refuse (type: string, payload: unknown): void {
    this.#reply('error', type, payload)
  }

  #reply (reply: string, type: string, payload: unknown): void {
    this.say({ ...this.latest(type), type: reply, payload })
  }

  #happen (type: string, properties: object): void {
    this.dispatchEvent(Object.assign(new Event(type), properties))
  }
}

/** What a client connects to instead of a network. */
export class FakeNetwork {
  /** Every WebSocket that was made, in order. */
  readonly sockets: FakeWebSocket[] = []
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

  /** The WebSocket made last. */
  get last (): FakeWebSocket {
    const last = this.sockets.at(-1)
    if (!last) throw new Error('nobody connected')
    return last
  }
}
