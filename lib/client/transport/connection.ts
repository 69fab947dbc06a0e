import type { Clock } from '../../clock.ts'
import { subprotocol, type Welcome } from '../../protocol/control-messages.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import type { Report } from '../listeners.ts'
import { Deadline } from '../requests/deadline.ts'
import { carrierOf, tokenFrom, type TokenSource } from './token.ts'
import type { CloseInfo, SocketEvent, WebSocketConstructor, WebSocketLike } from './web-socket.ts'

export interface ConnectionDeps {
  readonly url: string
  readonly WebSocket: WebSocketConstructor
  readonly token: TokenSource | undefined
  readonly clock: Clock
  /** Takes the error of a message that cannot be read. */
  readonly failed: Report
}

export type Target = Pick<ConnectionDeps, 'url' | 'WebSocket'>

export interface ConnectionEvents {
  received (envelope: Envelope): void
  /** The last call, made at most once. `error` is set when it failed before there was a socket. */
  ended (close: CloseInfo, error?: unknown): void
}

const openTimeoutMs = 10_000
const silenceMs = 25_000
const answerTimeoutMs = 10_000

const lostCode = 1006
const timeoutCode = 3008

/**
 * One WebSocket, from the call of `token` until it is closed. One timer runs at a time:
 *
 *   token, open, welcome -10 s-> ended
 *      '-> silence -25 s-> ping -10 s-> ended          each frame starts the 25 s again
 */
export class Connection {
  /** The token that `token` gave for it. */
  token: string | undefined
  /** What the server said when it accepted the connection; undefined before that. */
  welcome: Welcome | undefined
  readonly #deps: ConnectionDeps
  readonly #events: ConnectionEvents
  readonly #deadline: Deadline
  #socket: WebSocketLike | undefined
  #problem = ''
  #step = "the option 'token'"
  #hasEnded = false

  constructor (deps: ConnectionDeps, events: ConnectionEvents) {
    this.#deps = deps
    this.#events = events
    this.#deadline = new Deadline(deps.clock)
    this.#deadline.start(openTimeoutMs, () => {
      if (this.#socket) this.#timeOut('no connection within 10 s')
      else this.#fail(new Error('no token within 10 s'))
    })
    this.#open().catch((error: unknown) => this.#fail(error))
  }

  send (encoded: string): void {
    this.#socket?.send(encoded)
  }

  /** Leaves a channel. The answer is not awaited. */
  leave (channel: string): void {
    this.send(JSON.stringify({ type: 'leave', channel }))
  }

  /** Closes the socket without a call of `ended`. */
  close (code: number): void {
    this.#release()
    this.#socket?.close(code)
  }

  /** Sends a ping now, and ends the connection without an answer within 10 s. The socket must be open. */
  probe (): void {
    this.#deadline.start(answerTimeoutMs, () => this.#timeOut('no answer within 10 s'))
    this.send(JSON.stringify({ type: 'ping', correlationId: 'ping' }))
  }

  async #open (): Promise<void> {
    const token = this.token = await tokenFrom(this.#deps.token)
    if (this.#hasEnded) return
    this.#step = 'new WebSocket'
    // The prefix `Bearer.` in small letters is the one of the subprotocol.
    const protocols = token ? [subprotocol, carrierOf(token).join('.').replace('B', 'b')] : [subprotocol]
    this.#socket = new this.#deps.WebSocket(this.#deps.url, protocols)
    // Never removed: `ws` emits an error when a socket is closed before it is open, and an error without a listener
    // ends a Node process. A close event always follows.
    for (const type of ['error', 'message', 'close'] as const) this.#socket.addEventListener(type, this)
  }

  /** Takes an event of the socket. Only Node tells the problem of an error. */
  handleEvent ({ type, data, code = lostCode, reason, message = '' }: SocketEvent): void {
    if (this.#hasEnded) return
    if (type === 'error') this.#problem = message
    if (type === 'close') this.#end({ code, reason: reason || this.#problem })
    if (type !== 'message') return
    this.#deadline.start(silenceMs, () => this.probe())
    try {
      this.#events.received(JSON.parse(data as string))
    } catch (error) {
      // What the server sends is not checked. A message that breaks the protocol harms only itself.
      this.#deps.failed(error)
    }
  }

  /** A lost server never answers a close and a browser reports that late, so the close event is not awaited. */
  #timeOut (reason: string): void {
    this.close(timeoutCode)
    this.#events.ended({ code: lostCode, reason })
  }

  /** There is no socket. */
  #fail (error: unknown): void {
    this.#end({ code: lostCode, reason: `${this.#step} failed: ${error}` }, error)
  }

  #end (close: CloseInfo, error?: unknown): void {
    if (this.#hasEnded) return
    this.#release()
    this.#events.ended(close, error)
  }

  #release (): void {
    this.#hasEnded = true
    this.#deadline.stop()
  }
}
