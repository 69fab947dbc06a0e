import type { Clock } from '../clock.ts'
import { TokenBucket, type Rate } from './token-bucket.ts'

/** The declared rates of message types, counted per user or address, so that reconnecting does not reset them. */
export class UserRateLimits {
  readonly #clock: Clock
  readonly #buckets = new Map<string, TokenBucket>()

  constructor (clock: Clock) {
    this.#clock = clock
  }

  get size (): number {
    return this.#buckets.size
  }

  /** Counts a message and returns 0; or refuses it and returns the milliseconds until a retry can succeed. */
  consume (type: string, rate: Rate, sender: string): number {
    const key = JSON.stringify([type, sender])
    const bucket = this.#buckets.get(key) ?? new TokenBucket(rate, this.#clock)
    this.#buckets.set(key, bucket)
    return bucket.consume()
  }

  /** Deletes the buckets that are full again, because they equal new ones. */
  sweep (): void {
    for (const [key, bucket] of this.#buckets) if (bucket.isFull) this.#buckets.delete(key)
  }
}
