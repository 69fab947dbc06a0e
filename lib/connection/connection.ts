import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import type { Clock } from '../clock.ts'
import type { Logger } from '../logger.ts'
import { closeEvents, type CloseEvent } from '../protocol/close-events.ts'
import type { Frame } from '../protocol/frame.ts'
import { Outbox, type Flusher } from './outbox.ts'

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

/** Who is at the other end: settled at the upgrade. */
export interface Identity {
  readonly id: string
  readonly userId: string | undefined
  readonly user: unknown
  readonly ip: string
  readonly context: unknown
}

/** What all connections of a server share. */
export interface ConnectionServices {
  readonly clock: Clock
  readonly flusher: Flusher
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
  readonly user: unknown
  readonly ip: string
  readonly context: unknown
  readonly connectedAt: number
  readonly channels = new Set<string>()
  readonly log: Logger
  lastSeen: number
  messagesIn = 0
  messagesOut = 0
  bytesIn = 0
  bytesOut = 0
  /** Whether a frame has arrived since the last ping; the heartbeat's question. */
  heard = true
  #state: 'open' | 'closing' | 'closed' = 'open'
  readonly #webSocket: WebSocket
  readonly #outbox: Outbox
  readonly #clock: Clock

  constructor (webSocket: WebSocket, transport: Socket, identity: Identity, log: Logger, services: ConnectionServices) {
    this.id = identity.id
    this.userId = identity.userId
    this.user = identity.user
    this.ip = identity.ip
    this.context = identity.context
    this.log = log
    this.connectedAt = this.lastSeen = services.clock.now()
    this.#webSocket = webSocket
    this.#outbox = new Outbox(webSocket, transport, services.flusher)
    this.#clock = services.clock
  }

  get isOpen (): boolean {
    return this.#state === 'open'
  }

  /** Whether we hold the peer back: its silence says nothing then. */
  get isPaused (): boolean {
    return this.#webSocket.isPaused
  }

  /** Hands a frame to the socket; after the close has begun it goes nowhere. */
  send (frame: Frame): void {
    if (this.#state !== 'open') return
    this.messagesOut++
    this.bytesOut += frame.length
    this.#outbox.push(frame)
  }

  /** Any frame is a sign of life. */
  seen (): void {
    this.heard = true
    this.lastSeen = this.#clock.now()
  }

  received (bytes: number): void {
    this.seen()
    this.messagesIn++
    this.bytesIn += bytes
  }

  ping (): void {
    this.heard = false
    this.#webSocket.ping()
  }

  pause (): void {
    this.#webSocket.pause()
  }

  resume (): void {
    this.#webSocket.resume()
    this.heard = true
  }

  /** Says goodbye once; `ws` cuts off a peer that does not answer within its `closeTimeout`. Never throws. */
  close (event: CloseEvent = closeEvents.normal): void {
    if (this.#state !== 'open') return
    this.#setState('closing')
    this.#webSocket.close(event.code, event.reason)
    // A paused socket would never read the answer.
    this.resume()
  }

  /** Ends the connection without a handshake: the peer sees 1006. */
  terminate (): void {
    this.#webSocket.terminate()
  }

  /** The socket is gone; called once by whoever listens to it. */
  closed (): void {
    this.#setState('closed')
  }

  #setState (state: 'closing' | 'closed'): void {
    this.#state = state
  }
}
