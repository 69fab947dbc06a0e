import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import type { Clock } from '../clock.ts'
import type { Logger } from '../logger.ts'
import { closeEvents, sendable, type CloseEvent } from '../protocol/close-events.ts'
import type { EncodedMessage, ResyncSource, WhenSlow } from '../protocol/encoding.ts'
import { SendQueue, type Flusher } from './send-queue.ts'
import type { Counters } from './counters.ts'

/** What anyone may know of a connection. Times are milliseconds since 1970. */
export interface ConnectionInfo {
  readonly id: string
  /** Undefined on a public route without an identity. */
  readonly userId: string | undefined
  readonly user: unknown
  readonly ip: string
  readonly connectedAt: number
  /** When the last frame arrived, pongs included. */
  readonly lastSeen: number
  readonly messagesIn: number
  readonly messagesOut: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly channels: ReadonlySet<string>
}

/** Who somebody is, and for how long that holds. */
export interface Credentials {
  /** Undefined on a public route without an identity. */
  readonly userId: string | undefined
  readonly user: unknown
  /** When the token expires, in milliseconds since 1970; undefined: never. */
  readonly expiresAt: number | undefined
  /** The token's id, by which it can be revoked. */
  readonly jti: string | undefined
}

/** Who is at the other end: settled at the upgrade. */
export interface Identity extends Credentials {
  readonly id: string
  readonly ip: string
  readonly locals?: unknown
  /** What a new token says; rejects when it does not verify. Undefined where the route knows no tokens. */
  readonly verify: ((token: string) => Promise<Credentials>) | undefined
}

/** What all connections of a server share. */
export interface ConnectionDeps {
  readonly clock: Clock
  readonly flusher: Flusher
  readonly counters: Counters
  /** Bytes that may wait to be sent. */
  readonly sendQueueBytes: number
}

/**
 * One live WebSocket: the only place that writes to one or closes one.
 *
 *   open ── close(event) ──> closing ── peer answers, or closeTimeout ──> closed
 *     └───── terminate(), or the peer or the network ends it ───────────────┘
 */
export class Connection implements ConnectionInfo {
  readonly id: string
  readonly userId: string | undefined
  readonly ip: string
  readonly locals: unknown
  readonly verify: Identity['verify']
  readonly connectedAt: number
  readonly channels = new Set<string>()
  readonly log: Logger
  lastSeen: number
  messagesIn = 0
  messagesOut = 0
  bytesIn = 0
  bytesOut = 0
  /** Whether a frame has arrived since the last ping; the heartbeat's question. */
  hasAnswered = true
  #credentials: Credentials
  #state: 'open' | 'closing' | 'closed' = 'open'
  readonly #webSocket: WebSocket
  readonly #outbox: SendQueue
  readonly #clock: Clock
  readonly #tally: Counters

  constructor (webSocket: WebSocket, transport: Socket, identity: Identity, log: Logger, services: ConnectionDeps) {
    this.id = identity.id
    this.userId = identity.userId
    this.#credentials = identity
    this.verify = identity.verify
    this.ip = identity.ip
    this.locals = identity.locals
    this.log = log
    this.connectedAt = this.lastSeen = services.clock.now()
    this.#webSocket = webSocket
    this.#outbox = new SendQueue(webSocket, transport, services.flusher, services.sendQueueBytes, identity.id)
    this.#clock = services.clock
    this.#tally = services.counters
  }

  get user (): unknown {
    return this.#credentials.user
  }

  get expiresAt (): number | undefined {
    return this.#credentials.expiresAt
  }

  get jti (): string | undefined {
    return this.#credentials.jti
  }

  get isOpen (): boolean {
    return this.#state === 'open'
  }

  /** Whether the socket is closed, told or not. */
  get isSocketClosed (): boolean {
    return this.#webSocket.readyState === this.#webSocket.CLOSED
  }

  /** Whether we hold the peer back: its silence says nothing then. */
  get isPaused (): boolean {
    return this.#webSocket.isPaused
  }

  /** The same user's newer token. */
  renew (credentials: Credentials): void {
    this.#credentials = credentials
  }

  /**
   * Hands a frame to the socket; after the close has begun it goes nowhere. Who does not keep up is closed, unless `whenSlow` says otherwise;
   * `stream` is the log that the frame belongs to.
   */
  send (frame: EncodedMessage, whenSlow?: WhenSlow, stream?: ResyncSource): void {
    if (this.#counts(frame) && !this.#outbox.push(frame, whenSlow, stream)) this.#tooSlow()
  }

  /** Sends a frame that may be larger than what else may wait: what a client missed, all at once. */
  sendRecovery (frame: EncodedMessage): void {
    if (this.#counts(frame) && !this.#outbox.pushBeyondLimit(frame)) this.#tooSlow()
  }

  /** Any frame is a sign of life. */
  markAlive (): void {
    this.hasAnswered = true
    this.lastSeen = this.#clock.now()
  }

  countReceived (bytes: number): void {
    this.markAlive()
    this.messagesIn++
    this.bytesIn += bytes
    this.#tally.messagesIn++
    this.#tally.bytesIn += bytes
  }

  ping (): void {
    this.hasAnswered = false
    this.#webSocket.ping()
  }

  pause (): void {
    this.#webSocket.pause()
  }

  resume (): void {
    this.#webSocket.resume()
    this.hasAnswered = true
  }

  /** Says goodbye once, after what waits; `ws` cuts off a peer that does not answer within its `closeTimeout`. Never throws. */
  close (event: CloseEvent = closeEvents.normal): void {
    if (this.#state !== 'open') return
    this.#setState('closing')
    const { code, reason } = sendable(event)
    this.#outbox.flushBeforeClose()
    this.#webSocket.close(code, reason)
    // A paused socket would never read the answer.
    this.resume()
  }

  /** Ends the connection without a handshake: the peer sees 1006. */
  terminate (): void {
    this.#webSocket.terminate()
  }

  /** The socket is gone; called once by whoever listens to it. */
  markClosed (): void {
    this.#setState('closed')
  }

  #counts (frame: EncodedMessage): boolean {
    if (this.#state !== 'open') return false
    this.messagesOut++
    this.bytesOut += frame.length
    this.#tally.messagesOut++
    this.#tally.bytesOut += frame.length
    return true
  }

  #tooSlow (): void {
    this.log.warn({ code: closeEvents.tooSlow.code, queued: this.#outbox.size }, closeEvents.tooSlow.reason)
    this.#outbox.clear()
    this.close(closeEvents.tooSlow)
  }

  #setState (state: 'closing' | 'closed'): void {
    this.#state = state
  }
}
