import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import type { Clock } from '../clock.ts'
import { BoundedLog } from '../limits/bounded-log.ts'
import type { Logger } from '../logger.ts'
import { closeEvents, sendable, type CloseEvent } from '../protocol/close-events.ts'
import type { EncodedMessage, MessageParts } from '../protocol/encoding.ts'
import type { ResyncReason } from '../protocol/recoverability.ts'
import type { PageSource, ResyncSource, WhenSlow } from '../protocol/when-slow.ts'
import type { ConnectionInfo } from './connection-info.ts'
import type { Counters } from './counters.ts'
import type { Credentials, Identity } from './identity.ts'
import type { Flusher } from './sending/flusher.ts'
import { SendQueue } from './sending/send-queue.ts'

const noChannels: ReadonlySet<string> = new Set()
const noMetadata: ConnectionInfo['metadata'] = Object.freeze({})

/** Shared by all connections of a node. */
export interface ConnectionDeps {
  readonly clock: Clock
  readonly flusher: Flusher
  readonly counters: Counters
  /** Bytes that may wait to be sent to one connection. */
  readonly sendQueueBytes: number
}

/**
 * One live WebSocket. Together with its send queue, this is the only code that writes to a socket or closes one.
 *
 *   open ── close(event) ──> closing ── peer answers, or closeTimeout ──> closed
 *     └───── terminate(), or the peer or the network ends the connection ──┘
 */
export class Connection implements ConnectionInfo {
  readonly connectedAt: number
  readonly log: BoundedLog
  lastSeen: number
  messagesIn = 0
  messagesOut = 0
  bytesIn = 0
  bytesOut = 0
  /** Whether a WebSocket frame has arrived since the last ping. */
  hasAnswered = true
  /** The code and the reason with which this side closed it; undefined unless it did. */
  closeEvent: CloseEvent | undefined
  /** The connection on another node that its client has for a moment, as the client says. */
  replaces: string | undefined
  readonly #identity: Identity
  /** The newest ones; at first, those of the identity. */
  #credentials: Credentials
  /** Undefined until the first join, because many connections are idle. */
  #channels: Set<string> | undefined
  #state: 'open' | 'closing' | 'closed' = 'open'
  readonly #webSocket: WebSocket
  readonly #sendQueue: SendQueue
  readonly #clock: Clock
  readonly #counters: Counters

  constructor (webSocket: WebSocket, transport: Socket, identity: Identity, log: Logger, deps: ConnectionDeps) {
    this.#identity = this.#credentials = identity
    this.log = new BoundedLog(log, identity, deps.clock)
    this.connectedAt = this.lastSeen = deps.clock.now()
    this.#webSocket = webSocket
    this.#sendQueue = new SendQueue(webSocket, transport, deps.flusher, deps.sendQueueBytes, this)
    this.#clock = deps.clock
    this.#counters = deps.counters
  }

  get channels (): ReadonlySet<string> { return this.#channels ?? noChannels }

  enterChannel (address: string): void {
    this.#channels ??= new Set()
    this.#channels.add(address)
  }

  leaveChannel (address: string): void { this.#channels?.delete(address) }

  get id (): string { return this.#identity.id }
  get userId (): string | undefined { return this.#identity.userId }
  get ip (): string { return this.#identity.ip }
  get locals (): unknown { return this.#identity.locals }
  get route (): string { return this.#identity.route ?? '' }
  get contract (): string { return this.#identity.contract ?? 'unknown' }
  get metadata (): ConnectionInfo['metadata'] { return this.#identity.metadata ?? noMetadata }
  get verify (): Identity['verify'] { return this.#identity.verify }
  get quotas (): Identity['quotas'] { return this.#identity.quotas }
  get user (): unknown { return this.#credentials.user }
  get expiresAt (): number | undefined { return this.#credentials.expiresAt }
  get jti (): string | undefined { return this.#credentials.jti }

  get isOpen (): boolean { return this.#state === 'open' }

  /** Whether the socket is closed, even if its `close` event has not been handled. */
  get isSocketClosed (): boolean {
    return this.#webSocket.readyState === this.#webSocket.CLOSED
  }

  /** Whether reading is paused. No pong can arrive then. */
  get isPaused (): boolean {
    return this.#webSocket.isPaused
  }

  /** Replaces the credentials by those of the same user's newer token. */
  renew (credentials: Credentials): void {
    this.#credentials = credentials
  }

  /**
   * Queues a message; ignored once the close has begun. A connection that reads too slowly is closed with 1013, unless
   * `whenSlow` allows leaving messages out. `source` is the history that the message belongs to.
   */
  send (encoded: EncodedMessage, whenSlow?: WhenSlow, source?: ResyncSource): void {
    if (this.countSent(encoded.length) && !this.#sendQueue.push(encoded, whenSlow, source)) this.#closeSlow()
  }

  /** Queues a message that may be larger than the send queue, because it contains everything that the client missed. */
  sendRecovery (encoded: EncodedMessage | MessageParts): void {
    if (this.countSent(encoded.length) && !this.#sendQueue.pushRecovery(encoded)) this.#closeSlow()
  }

  /** Resolves when the large message that waits is being written; undefined when `sendRecovery` need not wait. */
  get whenRecoveryTaken (): Promise<void> | undefined {
    return this.#sendQueue.whenRecoveryTaken
  }

  /** Queues the `resync` with which this connection starts again in the channel of `source`. */
  sendResync (source: ResyncSource, reason: ResyncReason): void {
    if (this.isOpen) this.#sendQueue.resync(source, reason)
  }

  /** Queues the pages that `source` has for this connection. */
  sendPages (source: PageSource): void {
    if (this.isOpen) this.#sendQueue.sendPages(source)
  }

  /** Writes what is queued now, not at the end of the event-loop turn. */
  flush (): void { this.#sendQueue.flush() }

  /** Called for every WebSocket frame, pongs included. */
  markAlive (): void {
    this.hasAnswered = true
    this.lastSeen = this.#clock.now()
  }

  countReceived (bytes: number): void {
    this.markAlive()
    this.messagesIn++
    this.bytesIn += bytes
    this.#counters.countReceived(bytes)
  }

  ping (): void {
    this.hasAnswered = false
    this.#webSocket.ping()
  }

  pause (): void { this.#webSocket.pause() }
  resume (): void {
    this.#webSocket.resume()
    this.hasAnswered = true
  }

  /**
   * Closes after the queued messages; a second call does nothing. `ws` destroys the socket if the peer does not answer
   * within `closeTimeout`. Never throws.
   */
  close (event: CloseEvent = closeEvents.normal): void {
    if (this.#state !== 'open') return
    const { code, reason } = this.closeEvent = sendable(event)
    this.#state = 'closing'
    this.#sendQueue.flushBeforeClose()
    this.#webSocket.close(code, reason)
    // A paused socket would never read the peer's close frame.
    this.resume()
  }

  /** Destroys the socket without a closing handshake; the peer sees 1006. */
  terminate (): void { this.#webSocket.terminate() }

  /** Called when the socket emits `close`. */
  markClosed (): void {
    this.#state = 'closed'
    this.#sendQueue.clear()
  }

  /** Counts a message that is sent; false once the close has begun. */
  countSent (bytes: number): boolean {
    if (this.#state !== 'open') return false
    this.messagesOut++
    this.bytesOut += bytes
    this.#counters.countSent(bytes)
    return true
  }

  #closeSlow (): void {
    this.log.warn({ code: closeEvents.tooSlow.code, queued: this.#sendQueue.size }, closeEvents.tooSlow.reason)
    this.#sendQueue.clear()
    this.close(closeEvents.tooSlow)
  }
}
