import type { Timer } from '../../clock.ts'
import { isFinal } from '../../protocol/close-events.ts'
import type { Welcome } from '../../protocol/control-messages.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import { Backoff, longestWaitMs, waitOf } from './backoff.ts'
import { Connection, type ConnectionDeps, type Target } from './connection.ts'
import { isStop, type ConnectError, type StopConnecting } from './connect-error.ts'
import { FailedAttempts, type FailedAttemptsDeps } from './failed-attempts.ts'
import { TokenRenewal } from './token-renewal.ts'
import { listenToNetwork, type NetworkEventSource } from './network-events.ts'
import { goingAwayCode, normalCode, type CloseInfo } from './web-socket.ts'

/** The state of the connection, without the channels. */
export type ConnectionState = 'idle' | 'connecting' | 'open' | 'closed'

export interface TransportDeps extends Omit<ConnectionDeps, keyof Target>, FailedAttemptsDeps {
  /** Where to connect, and with which class. @throws {TypeError} when the platform cannot. */
  readonly target: () => Target
  readonly random: () => number
  readonly networkEvents: NetworkEventSource | undefined
}

export interface TransportEvents {
  /** A new state, and how the connection before it ended. */
  changed (state: ConnectionState, close: CloseInfo | undefined): void
  /** A further connection is open. The one before it stays until `release`. */
  replaced (): void
  /** The replaced connection has ended. */
  released (connection: Connection): void
  received (envelope: Envelope, connection: Connection): void
  /** An attempt to connect failed. */
  failed (error: ConnectError): void
  /** It is time to send the server a new token. */
  renew (): void
}

/**
 * Keeps one connection open. It is opened again whenever it is lost. A server that is about to close asks for another
 * one, which is opened while the first one stays in use.
 */
export class Transport {
  state: ConnectionState = 'idle'
  readonly renewal: TokenRenewal
  /** The open connection. */
  connection: Connection | undefined
  /** The one that it replaces, while there are both. */
  replaced: Connection | undefined
  readonly #deps: TransportDeps
  readonly #events: TransportEvents
  readonly #backoff: Backoff
  readonly #failures: FailedAttempts
  #handover: Timer
  #stopListening: (() => void) | undefined
  /** The one that is being opened. */
  #attempt: Connection | undefined

  constructor (deps: TransportDeps, events: TransportEvents) {
    this.#deps = deps
    this.#events = events
    this.#backoff = new Backoff(deps)
    this.renewal = new TokenRenewal(deps.clock, () => events.renew())
    this.#failures = new FailedAttempts(deps, this.#backoff, {
      state: () => this.state, failed: (error) => events.failed(error)
    })
  }

  /** The last failed attempt to connect; undefined once a connection is open. */
  get lastError (): ConnectError | undefined { return this.#failures.last }

  /** What the server said when it accepted the open connection. */
  get welcome (): Welcome | undefined { return this.connection?.welcome }

  /** Connects, unless the client does so already. @throws {TypeError} */
  open (): void {
    if (this.state !== 'idle' && this.state !== 'closed') return
    const { networkEvents, target } = this.#deps
    target()
    this.#stopListening = networkEvents && listenToNetwork(networkEvents, () => this.check(), () => this.#suspend())
    this.#setState('connecting')
    this.#connect()
  }

  /** An open connection may have been lost without an event, so it is probed. A wait to connect ends. */
  check (): void {
    if (this.connection) this.connection.probe()
    else this.#backoff.skipWait()
  }

  /** Closes the replaced connection. */
  release (): void {
    const { replaced } = this
    this.replaced = undefined
    replaced?.close(goingAwayCode)
    if (replaced) this.#events.released(replaced)
  }

  /** Closes because `token` gives no token. */
  stop (cause: StopConnecting): void {
    const close = { code: normalCode, reason: cause.message }
    this.#failures.report({ reason: cause.message, close, willRetry: false, retryIn: 0, cause })
    this.close(close)
  }

  /** Closes for good, until `open` is called. */
  close (close: CloseInfo): void {
    this.#backoff.reset()
    this.#failures.reset()
    this.#stopListening?.()
    this.#closeAll(normalCode)
    this.#setState('closed', close)
  }

  #connect (): void {
    const attempt = this.#attempt = new Connection({ ...this.#deps, ...this.#deps.target() }, {
      received: (envelope) => this.#receive(envelope, attempt),
      ended: (close, error) => this.#ended(attempt, close, error)
    })
  }

  #receive (envelope: Envelope, connection: Connection): void {
    const { type, payload } = envelope
    if (type === 'welcome') this.#opened(connection, payload as Welcome)
    else if (type === 'reconnect') this.#prepareHandover(payload as { readonly delay: number })
    else this.#events.received(envelope, connection)
  }

  #opened (connection: Connection, welcome: Welcome): void {
    if (connection !== this.#attempt) return
    this.#attempt = undefined
    this.#failures.opened()
    this.#backoff.opened()
    this.#deps.clock.clearTimeout(this.#handover)
    this.replaced = this.connection
    this.connection = connection
    connection.welcome = welcome
    this.renewal.accept(connection.token)
    if (this.replaced) this.#events.replaced()
    else this.#setState('open')
  }

  #prepareHandover ({ delay }: { readonly delay: number }): void {
    const { clock } = this.#deps
    clock.clearTimeout(this.#handover)
    this.#handover = clock.setTimeout(() => this.#replace(), waitOf(delay) ?? 0)
  }

  /** Opens a further connection: at once, unless the server asks at each connection. */
  #replace (): void {
    if (this.replaced) return this.#prepareHandover({ delay: 1_000 }) // One after the other.
    if (this.#attempt || this.#backoff.isWaiting) return
    const { hasFailures } = this.#backoff
    this.#backoff.retry(() => this.#connect())
    if (!hasFailures) this.#backoff.skipWait()
  }

  /** Has no connection until the next `check`, because a browser keeps only a page without one. */
  #suspend (): void {
    this.#closeAll(goingAwayCode)
    this.#backoff.retry(() => this.#connect(), longestWaitMs)
    this.#setState('connecting', { code: goingAwayCode, reason: 'the page was left' })
  }

  #closeAll (code: number): void {
    for (const connection of [this.#attempt, this.connection, this.replaced]) connection?.close(code)
    this.#attempt = this.connection = this.replaced = undefined
  }

  #ended (connection: Connection, close: CloseInfo, error: unknown): void {
    if (isStop(error)) return this.stop(error)
    if (error !== undefined) this.#deps.failed(error)
    if (isFinal(close.code)) return this.close(close)
    if (connection === this.replaced) return this.release()
    if (connection === this.#attempt) this.#retry(connection, close, error)
    else this.#lost(close)
  }

  /** An attempt failed. While another connection is open, nobody needs to know. */
  #retry ({ token }: Connection, close: CloseInfo, error: unknown): void {
    this.#attempt = undefined
    this.#backoff.retry(() => this.#connect())
    if (!this.connection) this.#failures.explain(this.#deps.target().url, token, close, error)
  }

  /** The connection was lost. An attempt to replace it goes on, and other attempts to do so are forgotten. */
  #lost (close: CloseInfo): void {
    this.replaced?.close(goingAwayCode)
    this.connection = this.replaced = undefined
    if (this.#backoff.isWaiting) this.#backoff.reset()
    if (!this.#attempt) this.#backoff.retry(() => this.#connect())
    this.#setState('connecting', close)
  }

  #setState (state: ConnectionState, close?: CloseInfo): void {
    if (state === this.state) return
    this.state = state
    if (state !== 'open') this.renewal.accept(undefined)
    this.#deps.clock.clearTimeout(this.#handover)
    this.#events.changed(state, close)
  }
}
