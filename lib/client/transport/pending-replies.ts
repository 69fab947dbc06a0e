import type { Clock, Timer } from '../../clock.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import { failure, noReply, refusalOf, type OwnCode, type RequestError, type Subject } from '../request-error.ts'

/**
 * Takes the reply to a request: one of the two is called, exactly once. These are callbacks and no promise, because
 * an ack must take effect before the next message is handled, and the reactions of a promise may run after that.
 */
export interface ReplyCallbacks {
  resolve (payload: unknown): void
  reject (error: RequestError): void
}

interface PendingReply extends ReplyCallbacks {
  readonly subject: Subject
  readonly timer: Timer
}

/** The sent requests, by correlation id. Each settles by an ack or error, by timeout or by `fail`. */
export class PendingReplies {
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #pending = new Map<string, PendingReply>()
  #lastId = 0

  constructor (clock: Clock, timeoutMs: number) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
  }

  /** A correlation id that was not used before. */
  nextId (): string {
    return String(++this.#lastId)
  }

  add (id: string, subject: Subject, { resolve, reject }: ReplyCallbacks): void {
    const timer = this.#clock.setTimeout(() => this.#remove(id)?.reject(noReply(subject)), this.#timeoutMs)
    this.#pending.set(id, { resolve, reject, subject, timer })
  }

  /** Settles the request that an `ack` or `error` answers. A reply to an unknown request is ignored. */
  settle ({ type, correlationId = '', payload }: Envelope): void {
    const pending = this.#remove(correlationId)
    if (type === 'ack') pending?.resolve(payload)
    else pending?.reject(refusalOf(pending.subject, payload))
  }

  /** Rejects every pending request. */
  fail (code: OwnCode, reason?: string): void {
    for (const [id, { subject }] of [...this.#pending]) this.#remove(id)?.reject(failure(subject, code, reason))
  }

  #remove (id: string): PendingReply | undefined {
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    this.#clock.clearTimeout(pending?.timer)
    return pending
  }
}
