import { retryAfterClose } from '../../protocol/close-events.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import { Backoff } from './backoff.ts'
import { Handover } from './handover.ts'
import { Listeners, type Report } from '../listeners.ts'
import { PendingReplies, type ReplyCallbacks } from './pending-replies.ts'
import { closedBeforeReply, failure, notSent, type Subject } from '../request-error.ts'
import { TokenRenewal } from './token-renewal.ts'
import { NetworkEvents, type NetworkEventSource } from './network-events.ts'
import { SocketAttempt, type CloseInfo, type SocketAttemptDeps } from './socket-attempt.ts'

/** The state of the connection, without the channels. */
export type ConnectionState = 'connecting' | 'open' | 'closed'

export interface TransportDeps extends SocketAttemptDeps {
  /** Milliseconds that a request waits for its reply. */
  readonly timeout: number
  /** How many idempotent messages may wait for one channel to be joined again. */
  readonly pending: number
  readonly random: () => number
  /** Takes an error that a listener threw. */
  readonly report: Report
  /** Takes the error of `token` or of the `WebSocket` constructor. */
  readonly failed: Report
  readonly networkEvents: NetworkEventSource | undefined
}

/** A message that is already encoded, with its own correlation id. */
export interface EncodedRequest {
  readonly subject: Subject
  readonly correlationId: string
  readonly encoded: string
}

/**
 * A connection that stayed open this long resets the count of failures. An open event is not enough: clients would
 * connect twice a second to a server that accepts and then closes each connection.
 */
const stableAfterMs = 10_000

/** A connection that is opened again whenever it is lost, and the requests on it. */
export class Transport {
  readonly deps: TransportDeps
  readonly states: Listeners<[state: ConnectionState, close: CloseInfo | undefined]>
  readonly envelopes: Listeners<[Envelope]>
  readonly #pending: PendingReplies
  readonly #backoff: Backoff
  readonly #renewal: TokenRenewal
  readonly #handover: Handover
  readonly #networkEvents: NetworkEvents | undefined
  #state: ConnectionState = 'connecting'
  #attempt: SocketAttempt

  constructor (deps: TransportDeps) {
    this.deps = deps
    this.states = new Listeners(deps.report)
    this.envelopes = new Listeners(deps.report)
    this.#pending = new PendingReplies(deps.clock, deps.timeout)
    this.#backoff = new Backoff(deps.clock, deps.random)
    this.#renewal = new TokenRenewal(deps, (token, callbacks) => {
      this.request({ type: 'refresh', payload: { token } }, callbacks)
    })
    this.#handover = new Handover(deps, () => this.#replace())
    this.#networkEvents = deps.networkEvents && new NetworkEvents(deps.networkEvents, () => this.#check())
    this.#attempt = this.#connect()
  }

  get state (): ConnectionState {
    return this.#state
  }

  /**
   * Sends a message and calls one of `callbacks` with its reply. Without a connection it is rejected at once.
   * @throws {TypeError} when the payload cannot be written as JSON.
   */
  request (message: Omit<Envelope, 'correlationId'>, callbacks: ReplyCallbacks): void {
    const correlationId = this.#pending.nextId()
    const encoded = JSON.stringify({ ...message, correlationId })
    this.requestEncoded({ subject: message, correlationId, encoded }, callbacks)
  }

  /** Like `request`, for a message that is encoded once and may be sent several times. */
  requestEncoded ({ subject, correlationId, encoded }: EncodedRequest, callbacks: ReplyCallbacks): void {
    if (this.#state !== 'open') return callbacks.reject(this.#failureWithoutConnection(subject))
    this.#pending.add(correlationId, subject, callbacks)
    this.#attempt.send(encoded)
  }

  /** Sends a message that needs no reply. */
  post (message: Envelope): void {
    this.#attempt.send(JSON.stringify(message))
  }

  close (): void {
    this.#finish({ code: 1000, reason: 'closed by the client' })
  }

  #connect (): SocketAttempt {
    return new SocketAttempt(this.deps, {
      opened: (token) => this.#opened(token),
      received: (envelope) => this.#receive(envelope),
      ended: (close, error) => this.#ended(close, error)
    })
  }

  #opened (token: string | undefined): void {
    this.#backoff.resetAfter(stableAfterMs)
    this.#renewal.schedule(token)
    this.#setState('open')
  }

  #receive (envelope: Envelope): void {
    if (envelope.type === 'ack' || envelope.type === 'error') this.#pending.settle(envelope)
    else if (envelope.type === 'reconnect') this.#handover.schedule(envelope.payload)
    else this.envelopes.call(envelope)
  }

  #ended (close: CloseInfo, error: unknown): void {
    if (error !== undefined) this.deps.failed(error)
    const retry = retryAfterClose(close.code)
    if (retry === 'no' || retry === 'stop') return this.#finish(close)
    this.#backoff.retry(() => { this.#attempt = this.#connect() })
    this.#setState('connecting', close)
  }

  /** Changes to another connection, because the server asked for it. */
  #replace (): void {
    this.#attempt.close()
    this.#setState('connecting', { code: 1000, reason: 'the server asked for another connection' })
    // A listener may have closed the client.
    if (this.#state === 'connecting') this.#attempt = this.#connect()
  }

  /** An open connection may have been lost without an event, so it is probed. */
  #check (): void {
    if (this.#state === 'open') this.#attempt.probe()
    else this.#backoff.skipWait()
  }

  #finish (close: CloseInfo): void {
    this.#backoff.stop()
    this.#networkEvents?.stop()
    this.#attempt.close()
    this.#setState('closed', close)
  }

  #setState (state: ConnectionState, close?: CloseInfo): void {
    if (state === this.#state) return
    this.#state = state
    if (state !== 'open') this.#stopConnection(state, close)
    this.states.call(state, close)
  }

  #stopConnection (state: ConnectionState, close: CloseInfo | undefined): void {
    this.#renewal.stop()
    this.#handover.stop()
    if (state === 'closed') this.#pending.fail('closed', closedBeforeReply(close))
    else this.#pending.fail('disconnected')
  }

  #failureWithoutConnection (message: Subject) {
    return this.#state === 'closed' ? failure(message, 'closed') : notSent(message)
  }
}
