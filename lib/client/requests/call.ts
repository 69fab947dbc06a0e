import type { Clock } from '../../clock.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import { RequestError } from '../request-error.ts'
import type { Connection } from '../transport/connection.ts'
import { Deadline } from './deadline.ts'
import type { IdempotentChannel } from './idempotent-channel.ts'

/** The last argument of `send` and `trySend`, and that of `ready`. */
export interface CallOptions {
  /**
   * Milliseconds after which the call fails.
   * @default `ConnectOptions.timeout`; 90 000 for an idempotent message
   */
  readonly timeout?: number | undefined
  /** Ends the call when it aborts: the call rejects with the reason of the signal. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Takes the result of a call. These are callbacks and no promise, because an ack must take effect before the next
 * message is handled, and the reactions of a promise may run after that.
 */
export interface Callbacks {
  resolve (value?: unknown): void
  reject (error: RequestError): void
}

/**
 * A message from the call of `send`, or `join` or `ready`, until it settles: by a result, by its deadline or by the
 * abort of its signal. Its errors have the stack of the call: they are made later, where the stack does not lead to the
 * application.
 */
export class Call {
  readonly message: Envelope
  isSettled = false
  /** The correlation id of the message; empty for a call that sends none. */
  id = ''
  encoded = ''
  /** Set for an idempotent message, which is sent under one id until it is answered, over any number of connections. */
  channel: IdempotentChannel | undefined
  /** The connection on which it was sent and its reply is awaited. */
  sentOn: Connection | undefined
  /** The message was sent at least once, so its effect is unknown until a reply arrives. */
  wasSent = false
  /** The client delayed or repeated the message, so a rate limit is the client's to handle, not the caller's. */
  wasDelayed = false
  readonly #deadline: Deadline
  readonly #callbacks: Callbacks
  readonly #signal: AbortSignal | undefined
  /** Its stack is read only when the call fails, because that takes longer than to make it. */
  readonly #trace = new Error()

  constructor (clock: Clock, message: Envelope, callbacks: Callbacks, signal?: AbortSignal) {
    this.message = message
    this.#deadline = new Deadline(clock)
    this.#callbacks = callbacks
    this.#signal = signal
    signal?.addEventListener('abort', this)
    if (signal?.aborted) this.handleEvent()
  }

  /** The signal has aborted. That of React Native gives no reason. */
  handleEvent (): void {
    this.reject(this.#signal?.reason ?? new Error('aborted'))
  }

  /** Fails after `ms`. A later call replaces the deadline. */
  expire (ms: number, error: () => RequestError): void {
    if (!this.isSettled) this.#deadline.start(ms, () => this.reject(error()))
  }

  /** The message has to be sent again. */
  delay (): void {
    this.sentOn = undefined
    this.wasDelayed = true
  }

  resolve (value?: unknown): void {
    if (this.#settle()) this.#callbacks.resolve(value)
  }

  reject (error: RequestError): void {
    // The first line of the other stack is the text of an error, or a call in this file.
    if (error instanceof RequestError) error.stack = `${error}${this.#trace.stack?.replace(/^.*/, '')}`
    if (this.#settle()) this.#callbacks.reject(error)
  }

  #settle (): boolean {
    if (this.isSettled) return false
    this.#deadline.stop()
    this.#signal?.removeEventListener('abort', this)
    this.isSettled = true
    return true
  }
}
