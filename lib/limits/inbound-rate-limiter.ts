import type { Clock } from '../clock.ts'
import { TokenBucket } from './token-bucket.ts'
import type { Limits } from './limits.ts'

/** Limits the messages, joins and bytes that one connection sends. */
export class InboundRateLimiter {
  readonly #messages: TokenBucket
  readonly #joins: TokenBucket
  readonly #bytes: TokenBucket

  constructor (limits: Limits, clock: Clock) {
    this.#messages = new TokenBucket(limits.messages, clock)
    this.#joins = new TokenBucket(limits.joins, clock)
    this.#bytes = new TokenBucket(limits.bytes, clock)
  }

  /** Counts a message and returns 0; or refuses it and returns the milliseconds until a retry can succeed. */
  consume (type: string, bytes: number): number {
    const bucket = type === 'join' || type === 'leave' ? this.#joins : this.#messages
    return bucket.consume() || this.#bytes.consume(bytes)
  }
}
