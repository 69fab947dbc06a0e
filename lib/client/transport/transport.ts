import type { Timer } from '../../clock.ts'
import { isFinal } from '../../protocol/close-events.ts'
import type { Welcome } from '../../protocol/control-messages.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import { Backoff, longestWaitMs, waitOf } from './backoff.ts'
import { ConnectError, isStop, type ConnectFailure, type StopConnecting } from './connect-error.ts'
import { RefusalProbe, type RefusalProbeDeps } from './refusal-probe.ts'
import { renewalWaitOf } from './token-renewal.ts'
import { listenToNetwork, type NetworkEventSource } from './network-events.ts'
import { SocketAttempt, type SocketAttemptDeps } from './socket-attempt.ts'
import type { CloseInfo } from './web-socket.ts'

/** The state of the connection, without the channels. */
export type ConnectionState = 'idle' | 'connecting' | 'open' | 'closed'

export interface TransportDeps extends Omit<SocketAttemptDeps, keyof Target>, RefusalProbeDeps {
  /** Where to connect, and with which class. @throws {TypeError} when the platform cannot. */
  readonly target: () => Target
  readonly random: () => number
  readonly networkEvents: NetworkEventSource | undefined
}

export type Target = Pick<SocketAttemptDeps, 'url' | 'WebSocket'>

export interface TransportEvents {
  /** A new state, and how the connection before it ended. */
  changed (state: ConnectionState, close: CloseInfo | undefined): void
  received (envelope: Envelope): void
  /** An attempt to connect failed. */
  failed (error: ConnectError): void
  /** It is time to send the server a new token. */
  renew (): void
}

const normalCode = 1000
/**
 * Closes a connection that another one replaces. It is the 1001 of browsers, which let pages send only 1000 and codes
 * from 3000. Unlike 1000 it does not end the presence of the user.
 */
const goingAwayCode = 4001

/** A connection that is opened again whenever it is lost. */
export class Transport {
  /** The last failed attempt to connect; undefined once a connection is open. */
  lastError: ConnectError | undefined
  state: ConnectionState = 'idle'
  /** The token of the open connection. */
  token: string | undefined
  /** What the server said when the connection was opened; undefined without one. */
  welcome: Welcome | undefined
  readonly #deps: TransportDeps
  readonly #events: TransportEvents
  readonly #backoff: Backoff
  #renewal: Timer
  readonly #probe: RefusalProbe
  #handover: Timer
  #stopListening: (() => void) | undefined
  #attempt: SocketAttempt | undefined

  constructor (deps: TransportDeps, events: TransportEvents) {
    this.#deps = deps
    this.#events = events
    this.#backoff = new Backoff(deps)
    this.#probe = new RefusalProbe(deps)
  }

  /** Connects, unless the client does so already. @throws {TypeError} */
  open (): void {
    if (this.state !== 'idle' && this.state !== 'closed') return
    const { networkEvents, target } = this.#deps
    target()
    const leave = () => this.#suspend('the page was left', longestWaitMs)
    this.#stopListening = networkEvents && listenToNetwork(networkEvents, () => this.check(), leave)
    this.#setState('connecting')
    this.#connect()
  }

  /** Sends a message on the open connection. */
  send (encoded: string): void {
    this.#attempt?.send(encoded)
  }

  /** Schedules the renewal of a token that the server has accepted on the open connection. */
  accept (token: string | undefined): void {
    const { clock } = this.#deps
    this.token = token
    clock.clearTimeout(this.#renewal)
    const waitMs = renewalWaitOf(token, clock.now())
    if (waitMs > 0) this.#renewal = clock.setTimeout(() => this.#events.renew(), waitMs)
  }

  /** An open connection may have been lost without an event, so it is probed. A wait to connect ends. */
  check (): void {
    if (this.state === 'open') this.#attempt?.probe()
    else this.#backoff.skipWait()
  }

  /** Closes because `token` gives no token. */
  stop (cause: StopConnecting): void {
    const close = { code: normalCode, reason: cause.message }
    this.#report({ reason: cause.message, close, willRetry: false, retryIn: 0, cause })
    this.close(close)
  }

  /** Closes for good, until `open` is called. */
  close (close: CloseInfo): void {
    this.#backoff.reset()
    this.#probe.reset()
    this.#stopListening?.()
    this.#attempt?.close(normalCode)
    this.#setState('closed', close)
  }

  #connect (): void {
    const attempt = this.#attempt = new SocketAttempt({ ...this.#deps, ...this.#deps.target() }, {
      received: (envelope) => this.#receive(envelope, attempt),
      ended: (close, error) => this.#ended(attempt, close, error)
    })
  }

  #receive (envelope: Envelope, { token }: SocketAttempt): void {
    const { type, payload } = envelope
    if (type === 'welcome') this.#opened(token, payload as Welcome)
    else if (type === 'reconnect') this.#prepareHandover(payload as { readonly delay: number })
    else this.#events.received(envelope)
  }

  #opened (token: string | undefined, welcome: Welcome): void {
    this.lastError = undefined
    this.#probe.reset()
    this.#backoff.opened()
    this.#setState('open', undefined, welcome)
    this.accept(token)
  }

  /** A random part of the delay, so that the clients of a server that drains do not all move at once. */
  #prepareHandover ({ delay }: { readonly delay: number }): void {
    const { clock, random } = this.#deps
    clock.clearTimeout(this.#handover)
    this.#handover = clock.setTimeout(() => this.#replace(), random() * (waitOf(delay) ?? 0))
  }

  /** Connects again: at once, unless the server asks at each connection. */
  #replace (): void {
    const { hasFailures } = this.#backoff
    this.#suspend('the server asked for another connection')
    if (!hasFailures) this.check()
  }

  /** Closes the connection until the next `check`. */
  #suspend (reason: string, afterMs?: number): void {
    this.#attempt?.close(goingAwayCode)
    this.#backoff.retry(() => this.#connect(), afterMs)
    this.#setState('connecting', { code: goingAwayCode, reason })
  }

  #ended ({ token }: SocketAttempt, close: CloseInfo, error: unknown): void {
    if (isStop(error)) return this.stop(error)
    if (error !== undefined) this.#deps.failed(error)
    if (isFinal(close.code)) return this.close(close)
    const wasOpen = this.state === 'open'
    this.#backoff.retry(() => this.#connect())
    this.#setState('connecting', close)
    if (!wasOpen) this.#explain(token, close, error)
  }

  /**
   * Reports a failed attempt, with the reason that the server gives. The next attempt waits for it, because what no
   * retry cures slows the client down.
   */
  async #explain (token: string | undefined, close: CloseInfo, cause: unknown): Promise<void> {
    const { url } = this.#deps.target()
    const { reason } = close
    this.#backoff.hold()
    const refusal = cause === undefined ? await this.#probe.ask(url, token, reason) : { reason }
    if (this.state === 'closed') return
    const { status = 0, retryAfter } = refusal
    const isHopeless = [400, 403, 404, this.#deps.token ? 400 : 401].includes(status)
    const retryIn = Math.ceil(this.#backoff.extend(isHopeless ? longestWaitMs : retryAfter))
    this.#report({ ...refusal, close, willRetry: true, retryIn, cause })
    this.#backoff.release()
  }

  #report (failure: ConnectFailure): void {
    const error = new ConnectError(failure)
    // The next attempt may have succeeded before the reason of this one was known.
    if (this.state !== 'open') this.lastError = error
    this.#events.failed(error)
  }

  #setState (state: ConnectionState, close?: CloseInfo, welcome?: Welcome): void {
    if (state === this.state) return
    this.state = state
    this.welcome = welcome
    this.accept(undefined)
    this.#deps.clock.clearTimeout(this.#handover)
    this.#events.changed(state, close)
  }
}
