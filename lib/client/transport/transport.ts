import { retryAfterClose } from '../../protocol/close-events.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import { Backoff } from './backoff.ts'
import { Handover } from './handover.ts'
import { Listeners, type Report } from '../listeners.ts'
import { PendingReplies, type Outcome } from './pending-replies.ts'
import { failure, type Subject } from '../request-error.ts'
import { TokenRenewal } from './token-renewal.ts'
import { NetworkEvents, type NetworkEventSource } from './network-events.ts'
import { SocketAttempt, type CloseInfo, type SocketAttemptDeps } from './socket-attempt.ts'

/** Whether there is a connection. */
export type ConnectionState = 'connecting' | 'open' | 'closed'

export interface TransportDeps extends SocketAttemptDeps {
  /** How long a request waits for its reply, in milliseconds. */
  readonly timeout: number
  /** How many `once` messages of a channel may wait for it to be joined again. */
  readonly pending: number
  readonly random: () => number
  /** Takes what a listener threw. */
  readonly report: Report
  /** Takes why an attempt failed before there was a socket, or a token could not be renewed. */
  readonly failed: Report
  readonly networkEvents: NetworkEventSource | undefined
}

/** A message that is written already, under an id of its own. */
export interface Written {
  readonly subject: Subject
  readonly correlationId: string
  readonly frame: string
}

/**
 * How long a connection must have been open before its predecessors' failures are forgotten. Opening alone proves nothing:
 * a server that accepts and then closes at once would be called upon twice a second by every client.
 */
const stableAfter = 10_000

/** A connection that is made again whenever it is lost, and the requests on it. */
export class Transport {
  readonly setup: TransportDeps
  readonly states: Listeners<[state: ConnectionState, close: CloseInfo | undefined]>
  readonly envelopes: Listeners<[Envelope]>
  readonly #pending: PendingReplies
  readonly #backoff: Backoff
  readonly #renewal: TokenRenewal
  readonly #drain: Handover
  readonly #wake: NetworkEvents | undefined
  #state: ConnectionState = 'connecting'
  #wire: SocketAttempt

  constructor (setup: TransportDeps) {
    this.setup = setup
    this.states = new Listeners(setup.report)
    this.envelopes = new Listeners(setup.report)
    this.#pending = new PendingReplies(setup.clock, setup.timeout)
    this.#backoff = new Backoff(setup.clock, setup.random)
    this.#renewal = new TokenRenewal(setup, (token, outcome) => this.request({ type: 'refresh', payload: { token } }, outcome))
    this.#drain = new Handover(setup, () => this.#moveOn())
    this.#wake = setup.networkEvents && new NetworkEvents(setup.networkEvents, () => this.#awake())
    this.#wire = this.#attempt()
  }

  get state (): ConnectionState {
    return this.#state
  }

  /**
   * Sends a message and waits for its reply. Without a connection it is refused at once.
   * @throws {TypeError} when the payload cannot be written as JSON.
   */
  request (message: Omit<Envelope, 'correlationId'>, outcome: Outcome): void {
    const correlationId = this.#pending.nextId()
    this.repeat({ subject: message, correlationId, frame: JSON.stringify({ ...message, correlationId }) }, outcome)
  }

  /** The same, for a message that may be sent again. */
  repeat ({ subject, correlationId, frame }: Written, outcome: Outcome): void {
    if (this.#state !== 'open') return outcome.reject(this.#absent(subject))
    this.#pending.add(correlationId, subject, outcome)
    this.#wire.send(frame)
  }

  /** Sends a message without waiting for anything. */
  post (message: Envelope): void {
    this.#wire.send(JSON.stringify(message))
  }

  close (): void {
    this.#finish({ code: 1000, reason: 'closed by the client' })
  }

  #attempt (): SocketAttempt {
    return new SocketAttempt(this.setup, {
      opened: (token) => this.#opened(token),
      received: (envelope) => this.#receive(envelope),
      ended: (close, error) => this.#ended(close, error)
    })
  }

  #opened (token: string | undefined): void {
    this.#backoff.forgiveAfter(stableAfter)
    this.#renewal.accepted(token)
    this.#setState('open')
  }

  #receive (envelope: Envelope): void {
    if (envelope.type === 'ack' || envelope.type === 'error') this.#pending.settle(envelope)
    else if (envelope.type === 'reconnect') this.#drain.begin(envelope.payload)
    else this.envelopes.call(envelope)
  }

  #ended (close: CloseInfo, error: unknown): void {
    if (error !== undefined) this.setup.failed(error)
    const retry = retryAfterClose(close.code)
    if (retry === 'no' || retry === 'stop') return this.#finish(close)
    this.#backoff.retry(() => { this.#wire = this.#attempt() })
    this.#setState('connecting', close)
  }

  /** To another connection, which the server asked for. */
  #moveOn (): void {
    this.#wire.close()
    this.#setState('connecting', { code: 1000, reason: 'the server asked for another connection' })
    // Whoever was told of that may have closed the client.
    if (this.#state === 'connecting') this.#wire = this.#attempt()
  }

  /** A connection that seems to be there may have died while nobody looked. */
  #awake (): void {
    if (this.#state === 'open') this.#wire.probe()
    else this.#backoff.hasten()
  }

  #finish (close: CloseInfo): void {
    this.#backoff.stop()
    this.#wake?.stop()
    this.#wire.close()
    this.#setState('closed', close)
  }

  #setState (state: ConnectionState, close?: CloseInfo): void {
    if (state === this.#state) return
    this.#state = state
    if (state !== 'open') this.#lose(state, close)
    this.states.call(state, close)
  }

  #lose (state: ConnectionState, close: CloseInfo | undefined): void {
    this.#renewal.stop()
    this.#drain.stop()
    if (state === 'closed') this.#pending.fail('closed', `closed: ${close?.code} ${close?.reason}`)
    else this.#pending.fail('disconnected')
  }

  #absent (message: Subject) {
    return this.#state === 'closed'
      ? failure(message, 'closed')
      : failure(message, 'disconnected', 'not sent: there is no connection')
  }
}
