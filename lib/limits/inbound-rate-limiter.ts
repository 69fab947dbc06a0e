import type { Clock } from '../clock.ts'
import { TokenBucket } from './token-bucket.ts'
import type { ConnectionLimits } from './limits.ts'

/**
 * Limits the messages, joins, refreshes and bytes that one connection sends. One reading of the clock serves a message.
 */
export class InboundRateLimiter {
  readonly #clock: Clock
  readonly #messages: TokenBucket
  readonly #joins: TokenBucket
  readonly #refreshes: TokenBucket
  readonly #bytes: TokenBucket

  constructor (limits: ConnectionLimits, clock: Clock) {
    this.#clock = clock
    this.#messages = new TokenBucket(limits.messages, clock)
    this.#joins = new TokenBucket(limits.joins, clock)
    this.#refreshes = new TokenBucket(limits.refreshes, clock)
    this.#bytes = new TokenBucket(limits.bytes, clock)
  }

  /**
   * Counts a message and returns 0; or refuses it and returns the milliseconds until a retry can succeed.
   * @param now the reading of the clock, for a caller that has one
   */
  consume (type: string, bytes: number, now = this.#clock.now()): number {
    return this.#bucketOf(type).consume(1, now) || this.#bytes.consume(bytes, now)
  }

  #bucketOf (type: string): TokenBucket {
    if (type === 'refresh') return this.#refreshes
    return type === 'join' || type === 'leave' ? this.#joins : this.#messages
  }
}
