import type { Clock, Timer } from '../../clock.ts'
import { bearerPrefix, subprotocol } from '../../protocol/control-messages.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import { readEnvelope } from './read-envelope.ts'
import type { SocketEvent, WebSocketConstructor, WebSocketLike } from './web-socket.ts'

export interface SocketAttemptDeps {
  readonly url: string
  readonly WebSocket: WebSocketConstructor
  readonly token: (() => string | Promise<string>) | undefined
  readonly clock: Clock
}

/** How a connection ended. */
export interface CloseInfo {
  /** The WebSocket close code, such as 1008; 1006 when the connection was lost or could not be opened. */
  readonly code: number
  /** The close reason in plain English, for people; may be empty. */
  readonly reason: string
}

export interface SocketAttemptEvents {
  /** The socket is open; `token` is the one that was sent. */
  opened (token: string | undefined): void
  received (envelope: Envelope): void
  /** The last call, made at most once. `error` is set when the attempt failed before there was a socket. */
  ended (close: CloseInfo, error?: unknown): void
}

const openTimeoutMs = 10_000
const silenceMs = 25_000
const answerTimeoutMs = 10_000

const normalCode = 1000
const lostCode = 1006
const timeoutCode = 3008

const encodedPing = JSON.stringify({ type: 'ping', correlationId: 'ping' })

/**
 * One WebSocket, from the call of `token` until it is closed. One timer runs at a time:
 *
 *   token, open -10 s-> ended
 *      '-> silence -25 s-> ping -10 s-> ended          each frame starts the 25 s again
 */
export class SocketAttempt {
  readonly #deps: SocketAttemptDeps
  readonly #events: SocketAttemptEvents
  readonly #listener = { handleEvent: (event: SocketEvent) => this.#handle(event) }
  #socket: WebSocketLike | undefined
  #token: string | undefined
  #timer: Timer
  #hasEnded = false

  constructor (deps: SocketAttemptDeps, events: SocketAttemptEvents) {
    this.#deps = deps
    this.#events = events
    this.#wait(openTimeoutMs, () => this.#timeOut('no connection within 10 s'))
    this.#open().catch((error: unknown) => {
      this.#end({ code: lostCode, reason: 'the socket could not be created' }, error)
    })
  }

  send (encoded: string): void {
    this.#socket?.send(encoded)
  }

  /** Closes the socket without a call of `ended`. */
  close (code = normalCode): void {
    this.#release()
    this.#socket?.close(code)
  }

  /** Sends a ping now, and ends the attempt without an answer within 10 s. The socket must be open. */
  probe (): void {
    this.#wait(answerTimeoutMs, () => this.#timeOut('no answer to a ping within 10 s'))
    this.send(encodedPing)
  }

  async #open (): Promise<void> {
    const token = await this.#deps.token?.()
    if (this.#hasEnded) return
    this.#token = token
    const protocols = token ? [subprotocol, bearerPrefix + token] : [subprotocol]
    this.#socket = new this.#deps.WebSocket(this.#deps.url, protocols)
    this.#socket.addEventListener('error', ignore)
    for (const type of ['open', 'message', 'close'] as const) this.#socket.addEventListener(type, this.#listener)
  }

  #handle ({ type, data, code = lostCode, reason = '' }: SocketEvent): void {
    if (type === 'close') return this.#end({ code, reason })
    this.#wait(silenceMs, () => this.probe())
    if (type === 'open') return this.#events.opened(this.#token)
    const envelope = readEnvelope(data)
    if (envelope) this.#events.received(envelope)
  }

  /** A lost server never answers a close and a browser reports that late, so the close event is not awaited. */
  #timeOut (reason: string): void {
    this.close(timeoutCode)
    this.#events.ended({ code: lostCode, reason })
  }

  #end (close: CloseInfo, error?: unknown): void {
    if (this.#hasEnded) return
    this.#release()
    this.#events.ended(close, error)
  }

  #release (): void {
    this.#hasEnded = true
    this.#deps.clock.clearTimeout(this.#timer)
    for (const type of ['open', 'message', 'close'] as const) this.#socket?.removeEventListener(type, this.#listener)
  }

  #wait (ms: number, fn: () => void): void {
    this.#deps.clock.clearTimeout(this.#timer)
    this.#timer = this.#deps.clock.setTimeout(fn, ms)
  }
}

/**
 * Ignores errors, because a close event always follows them. The listener is never removed: `ws` emits an error when a
 * socket is closed before it is open, and an error without a listener ends a Node process.
 */
const ignore = { handleEvent (): void {} }
