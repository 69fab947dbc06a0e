import type { Clock } from '../clock.ts'
import { TokenBucket } from './token-bucket.ts'
import type { Limits } from './limits.ts'

/** How fast one connection may send. */
export class InboundRateLimiter {
  readonly #messages: TokenBucket
  readonly #joins: TokenBucket
  readonly #bytes: TokenBucket

  constructor (limits: Limits, clock: Clock) {
    this.#messages = new TokenBucket(limits.messages, clock)
    this.#joins = new TokenBucket(limits.joins, clock)
    this.#bytes = new TokenBucket(limits.bytes, clock)
  }

  /** 0 when a message may pass, else after how many milliseconds to try again. */
  consume (type: string, bytes: number): number {
    const kind = type === 'join' || type === 'leave' ? this.#joins : this.#messages
    return kind.consume() || this.#bytes.consume(bytes)
  }
}
