import type { Clock } from '../clock.ts'
import { TokenBucket, type Rate } from './token-bucket.ts'

/** The declared rates of message types, counted per user, so that connecting again does not start anew. */
export class UserRateLimits {
  readonly #clock: Clock
  readonly #buckets = new Map<string, TokenBucket>()

  constructor (clock: Clock) {
    this.#clock = clock
  }

  get size (): number {
    return this.#buckets.size
  }

  /** 0 when `who` may send, else after how many milliseconds to try again. */
  consume (what: string, rate: Rate, who: string): number {
    const key = `${what} ${who}`
    const bucket = this.#buckets.get(key) ?? new TokenBucket(rate, this.#clock)
    this.#buckets.set(key, bucket)
    return bucket.consume()
  }

  /** Forgets who has been silent long enough for it to make no difference. */
  sweep (): void {
    for (const [key, bucket] of this.#buckets) if (bucket.isFull) this.#buckets.delete(key)
  }
}
