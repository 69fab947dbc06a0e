import { retryAfterClose } from '../protocol/close-events.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { Backoff } from './backoff.ts'
import { Listeners, type Report } from './listeners.ts'
import { PendingReplies, type Outcome } from './pending.ts'
import { failure } from './request-error.ts'
import { Wire, type Close, type WireSetup } from './wire.ts'

/**
 * `connecting`: there is no connection, one is being made or waited for. `open`: messages travel. `closed`: for good.
 * (`recovering`, between `connecting` and `open`, comes with the log.)
 */
export type State = 'connecting' | 'open' | 'closed'

export interface TransportSetup extends WireSetup {
  /** How long a request waits for its reply, in milliseconds. */
  readonly timeout: number
  readonly random: () => number
  /** Takes what a listener threw. */
  readonly report: Report
  /** Takes why an attempt failed before there was a socket. */
  readonly failed: Report
}

/**
 * How long a connection must have been open before its predecessors' failures are forgotten. Opening alone proves nothing:
 * a server that accepts and then closes at once would be called upon twice a second by every client.
 */
const stableAfter = 10_000

/** A connection that is made again whenever it is lost, and the requests on it. */
export class Transport {
  readonly setup: TransportSetup
  readonly states: Listeners<[state: State, close: Close | undefined]>
  readonly envelopes: Listeners<[Envelope]>
  readonly #pending: PendingReplies
  readonly #backoff: Backoff
  #state: State = 'connecting'
  #wire: Wire

  constructor (setup: TransportSetup) {
    this.setup = setup
    this.states = new Listeners(setup.report)
    this.envelopes = new Listeners(setup.report)
    this.#pending = new PendingReplies(setup.clock, setup.timeout)
    this.#backoff = new Backoff(setup.clock, setup.random)
    this.#wire = this.#attempt()
  }

  get state (): State {
    return this.#state
  }

  /**
   * Sends a message and waits for its reply. Without a connection it is refused at once.
   * @throws {TypeError} when the payload cannot be written as JSON.
   */
  request (message: Omit<Envelope, 'correlationId'>, outcome: Outcome): void {
    if (this.#state !== 'open') return outcome.reject(this.#absent(message))
    const correlationId = this.#pending.nextId()
    const frame = JSON.stringify({ ...message, correlationId })
    this.#pending.add(correlationId, message, outcome)
    this.#wire.send(frame)
  }

  /** Sends a message without waiting for anything. */
  post (message: Envelope): void {
    this.#wire.send(JSON.stringify(message))
  }

  close (): void {
    this.#finish({ code: 1000, reason: 'closed by the client' })
  }

  #attempt (): Wire {
    return new Wire(this.setup, {
      opened: () => {
        this.#backoff.forgiveAfter(stableAfter)
        this.#setState('open')
      },
      received: (envelope) => this.#receive(envelope),
      ended: (close, error) => this.#ended(close, error)
    })
  }

  #receive (envelope: Envelope): void {
    if (envelope.type === 'ack' || envelope.type === 'error') this.#pending.settle(envelope)
    else this.envelopes.call(envelope)
  }

  #ended (close: Close, error: unknown): void {
    if (error !== undefined) this.setup.failed(error)
    const retry = retryAfterClose(close.code)
    if (retry === 'no' || retry === 'stop') return this.#finish(close)
    this.#backoff.retry(() => { this.#wire = this.#attempt() })
    this.#setState('connecting', close)
  }

  #finish (close: Close): void {
    this.#backoff.stop()
    this.#wire.close()
    this.#setState('closed', close)
  }

  #setState (state: State, close?: Close): void {
    if (state === this.#state) return
    this.#state = state
    if (state === 'closed') this.#pending.fail('closed', `closed: ${close?.code} ${close?.reason}`)
    if (state === 'connecting') this.#pending.fail('disconnected')
    this.states.call(state, close)
  }

  #absent (message: Envelope) {
    return this.#state === 'closed'
      ? failure(message, 'closed')
      : failure(message, 'disconnected', 'not sent: there is no connection')
  }
}
