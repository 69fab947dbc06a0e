import type { Clock, Timer } from '../../clock.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import { failure, refusalOf, type OwnCode, type RequestError, type Subject } from '../request-error.ts'

/**
 * What becomes of a request; exactly one of the two is called, once. Functions rather than a promise: the next frame may be
 * handled before a promise's reaction runs, and an ack must have had its effect by then.
 */
export interface Outcome {
  resolve (payload: unknown): void
  reject (error: RequestError): void
}

interface Waiting extends Outcome {
  readonly subject: Subject
  readonly timer: Timer
}

/** The requests that wait for their ack or error, by correlation id. Each settles: by reply, by time, or by `fail`. */
export class PendingReplies {
  readonly #clock: Clock
  readonly #timeout: number
  readonly #waiting = new Map<string, Waiting>()
  #lastId = 0

  /** `timeout` in milliseconds. */
  constructor (clock: Clock, timeout: number) {
    this.#clock = clock
    this.#timeout = timeout
  }

  /** A correlation id that was not used before. */
  nextId (): string {
    return String(++this.#lastId)
  }

  add (id: string, subject: Subject, { resolve, reject }: Outcome): void {
    const timer = this.#clock.setTimeout(() => this.#take(id)?.reject(failure(subject, 'timeout')), this.#timeout)
    this.#waiting.set(id, { resolve, reject, subject, timer })
  }

  /** Settles the request that an `ack` or `error` answers; a reply that nobody waits for is ignored. */
  settle ({ type, correlationId = '', payload }: Envelope): void {
    const waiting = this.#take(correlationId)
    if (type === 'ack') waiting?.resolve(payload)
    else waiting?.reject(refusalOf(waiting.subject, payload))
  }

  /** Rejects everything that waits. */
  fail (code: OwnCode, message?: string): void {
    for (const [id, { subject }] of [...this.#waiting]) this.#take(id)?.reject(failure(subject, code, message))
  }

  #take (id: string): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    this.#clock.clearTimeout(waiting?.timer)
    return waiting
  }
}
