import type { Clock, Timer } from '../../clock.ts'
import type { CloseEvent } from '../../protocol/close-events.ts'
import { bearerPrefix, subprotocol } from '../../protocol/control-messages.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import { readEnvelope } from './read-envelope.ts'
import type { SocketEvent, WebSocketConstructor, WebSocketLike } from './web-socket.ts'

/** What one attempt at a connection needs. */
export interface SocketAttemptDeps {
  readonly url: string
  readonly WebSocket: WebSocketConstructor
  readonly token: (() => string | Promise<string>) | undefined
  readonly clock: Clock
}

/** How a connection ended: the WebSocket close code and the reason given with it. */
export type CloseInfo = Omit<CloseEvent, 'retry'>

export interface SocketAttemptEvents {
  /** `token`: the one it was opened with. */
  opened (token: string | undefined): void
  received (envelope: Envelope): void
  /** Called once, last. `error`: the attempt failed before there was a socket. */
  ended (close: CloseInfo, error?: unknown): void
}

const openWithin = 10_000
const quietFor = 25_000
const answerWithin = 10_000

const normal = 1000
const abnormal = 1006
const timedOut = 3008

const pingFrame = JSON.stringify({ type: 'ping', correlationId: 'ping' })

/**
 * One WebSocket, from the token it opens with to its end. It waits for one thing at a time:
 *
 *   token, open -10 s-> ended
 *      '-> silence -25 s-> ping -10 s-> ended          any frame starts the silence anew
 */
export class SocketAttempt {
  readonly #setup: SocketAttemptDeps
  readonly #events: SocketAttemptEvents
  readonly #listener = { handleEvent: (event: SocketEvent) => this.#handle(event) }
  #socket: WebSocketLike | undefined
  #token: string | undefined
  #timer: Timer
  #over = false

  constructor (setup: SocketAttemptDeps, events: SocketAttemptEvents) {
    this.#setup = setup
    this.#events = events
    this.#wait(openWithin, () => this.#lose('did not open in time'))
    this.#open().catch((error: unknown) => this.#end({ code: abnormal, reason: 'could not be opened' }, error))
  }

  send (frame: string): void {
    this.#socket?.send(frame)
  }

  /** Ends it from this side, without an event. */
  close (code = normal): void {
    this.#release()
    this.#socket?.close(code)
  }

  /** Asks for a sign of life now. It must be open. */
  probe (): void {
    this.#wait(answerWithin, () => this.#lose('no answer'))
    this.send(pingFrame)
  }

  async #open (): Promise<void> {
    const token = await this.#setup.token?.()
    if (this.#over) return
    this.#token = token
    const protocols = token ? [subprotocol, bearerPrefix + token] : [subprotocol]
    this.#socket = new this.#setup.WebSocket(this.#setup.url, protocols)
    this.#socket.addEventListener('error', ignore)
    for (const type of ['open', 'message', 'close'] as const) this.#socket.addEventListener(type, this.#listener)
  }

  #handle ({ type, data, code = abnormal, reason = '' }: SocketEvent): void {
    if (type === 'close') return this.#end({ code, reason })
    this.#wait(quietFor, () => this.probe())
    if (type === 'open') return this.#events.opened(this.#token)
    const envelope = readEnvelope(data)
    if (envelope) this.#events.received(envelope)
  }

  /** A dead peer never answers a close, and a browser takes its time to say so: not waited for. */
  #lose (reason: string): void {
    this.close(timedOut)
    this.#events.ended({ code: abnormal, reason })
  }

  #end (close: CloseInfo, error?: unknown): void {
    if (this.#over) return
    this.#release()
    this.#events.ended(close, error)
  }

  #release (): void {
    this.#over = true
    this.#setup.clock.clearTimeout(this.#timer)
    for (const type of ['open', 'message', 'close'] as const) this.#socket?.removeEventListener(type, this.#listener)
  }

  #wait (ms: number, fn: () => void): void {
    this.#setup.clock.clearTimeout(this.#timer)
    this.#timer = this.#setup.clock.setTimeout(fn, ms)
  }
}

/**
 * An error is always followed by the close that matters. This listener holds nothing and is never removed: `ws` emits an
 * error when a socket is closed before it opened, and one that nobody listens to ends a Node process.
 */
const ignore = { handleEvent (): void {} }
