import type { Timer } from '../../clock.ts'
import { isFinal } from '../../protocol/close-events.ts'
import type { Welcome } from '../../protocol/control-messages.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import { Listeners, type Report } from '../listeners.ts'
import type { ClientEvents, ClientSteps, ConnectionState } from '../requests/client-events.ts'
import { Backoff, waitOf } from './backoff.ts'
import { Connection, type ConnectionDeps, type Target } from './connection.ts'
import { ConnectError, isStop, type ConnectFailure, type StopConnecting } from './connect-error.ts'
import { goingAwayCode, normalCode, type CloseInfo } from './web-socket.ts'

export interface TransportDeps extends Omit<ConnectionDeps, keyof Target> {
  /** Where to connect, and with which class. @throws {TypeError} when the platform cannot. */
  readonly target: () => Target
  readonly random: () => number
  /** Takes an error that a listener threw. */
  readonly report: Report
}

type Failure = Omit<ConnectFailure, 'willRetry' | 'retryIn'>

/** Keeps one connection open. It is opened again whenever it is lost. */
export abstract class Transport<Deps extends TransportDeps = TransportDeps> {
  state: ConnectionState = 'idle'
  /** The open connection. */
  connection: Connection | undefined
  /** The one that is being opened. */
  attempt: Connection | undefined
  /** The last failed attempt to connect; undefined once a connection is open. */
  lastError: ConnectError | undefined
  readonly deps: Deps
  readonly events: Listeners<ClientEvents>
  readonly steps: ClientSteps
  readonly backoff: Backoff
  #move: Timer

  constructor (deps: Deps, steps: ClientSteps) {
    this.deps = deps
    this.steps = steps
    this.events = new Listeners(deps.report)
    this.backoff = new Backoff(deps)
  }

  get isOpen (): boolean {
    return this.state === 'open'
  }

  /** Connects, unless the client does so already. @throws {TypeError} */
  open (): void {
    if (this.state !== 'idle' && this.state !== 'closed') return
    this.connect()
    this.#setState('connecting')
  }

  /** Opens a connection. One that is open stays in use until then. */
  connect (): void {
    const attempt = this.attempt = new Connection({ ...this.deps, ...this.deps.target() }, {
      received: (envelope) => this.#receive(envelope, attempt),
      ended: (close, error) => this.#ended(attempt, close, error)
    })
  }

  /** @param afterMs the wait that the server asks for */
  report (failure: Failure, willRetry = true, afterMs?: number): void {
    const error = new ConnectError({ ...failure, willRetry, retryIn: Math.ceil(this.backoff.extend(afterMs)) })
    // The next attempt may have succeeded before the reason of this one was known.
    if (this.state !== 'open') this.lastError = error
    this.events.call('failed', error)
  }

  /** Closes because `token` gives no token. */
  stop (cause: StopConnecting): void {
    const reason = cause.message
    const close = { code: normalCode, reason }
    this.backoff.reset()
    this.report({ reason, close, cause }, false)
    this.close(close)
  }

  /** Closes for good, until `open` is called. */
  close (close: CloseInfo): void {
    this.backoff.reset()
    this.#closeAll(normalCode)
    this.#setState('closed', close)
  }

  /** Closes for the moment, and connects again after a wait of at least `afterMs`. */
  leave (reason: string, afterMs?: number): void {
    this.#closeAll(goingAwayCode)
    this.backoff.retry(() => this.connect(), afterMs)
    this.#setState('connecting', { code: goingAwayCode, reason })
  }

  /** Moves after `delay`, as the server asks for it. The latest request counts, and none after a change. */
  moveAfter (delay: unknown): void {
    const { clock } = this.deps
    clock.clearTimeout(this.#move)
    this.#move = clock.setTimeout(() => this.steps.move(), waitOf(delay) ?? 0)
  }

  /** A new state, and how the connection before it ended. */
  protected abstract changed (state: ConnectionState, close: CloseInfo | undefined): void
  protected abstract received (envelope: Envelope, connection: Connection): void

  #receive (envelope: Envelope, connection: Connection): void {
    const { type, payload } = envelope
    if (type === 'welcome') this.#opened(connection, payload as Welcome)
    else if (type === 'reconnect') this.moveAfter((payload as { readonly delay: number }).delay)
    else this.received(envelope, connection)
  }

  #opened (connection: Connection, welcome: Welcome): void {
    if (connection !== this.attempt) return
    const before = this.connection
    this.attempt = this.lastError = undefined
    this.connection = connection
    connection.welcome = welcome
    this.backoff.opened()
    this.events.call('opened', connection, before)
    this.#setState('open')
  }

  #closeAll (code: number): void {
    for (const connection of [this.attempt, this.connection]) connection?.close(code)
    this.attempt = this.connection = undefined
  }

  #ended (connection: Connection, close: CloseInfo, error: unknown): void {
    if (isStop(error)) return this.stop(error)
    if (error !== undefined) this.deps.failed(error)
    if (isFinal(close.code)) return this.close(close)
    if (connection === this.attempt) return this.#retry(connection, close, error)
    this.events.call('ended', connection)
    if (connection === this.connection) this.#lost(close)
  }

  /** An attempt failed. While another connection is open, nobody needs to know. */
  #retry (attempt: Connection, close: CloseInfo, error: unknown): void {
    this.attempt = undefined
    this.backoff.retry(() => this.connect())
    if (!this.connection) this.steps.explain(attempt, close, error)
  }

  /** The connection was lost. An attempt that is under way goes on. */
  #lost (close: CloseInfo): void {
    this.connection = undefined
    if (!this.attempt) this.backoff.retry(() => this.connect())
    this.#setState('connecting', close)
  }

  #setState (state: ConnectionState, close?: CloseInfo): void {
    this.deps.clock.clearTimeout(this.#move)
    if (state === this.state) return
    this.state = state
    this.changed(state, close)
  }
}
