import type { Clock } from '../clock.ts'

/** At most `max` per `timeWindow`, in the long run; a burst may use `max` at once. */
export interface Rate {
  readonly max: number
  /** Milliseconds. */
  readonly timeWindow: number
}

/**
 * A token bucket. It holds `max` tokens and refills steadily within `timeWindow`, so a burst may use all of them, and
 * sustained use cannot exceed the rate.
 */
export class TokenBucket {
  readonly #rate: Rate
  readonly #clock: Clock
  // In units of 1 / timeWindow tokens, so that all values are whole numbers and rounding loses nothing.
  readonly #capacity: number
  #level: number
  #refilledAt: number

  constructor (rate: Rate, clock: Clock) {
    this.#rate = rate
    this.#clock = clock
    this.#capacity = rate.max * rate.timeWindow
    this.#level = this.#capacity
    this.#refilledAt = clock.now()
  }

  /** Whether it holds all of its tokens, as a new one does. */
  get isFull (): boolean {
    this.#refill(this.#clock.now())
    return this.#level === this.#capacity
  }

  /**
   * Consumes `amount` tokens and returns 0; or consumes nothing and returns the milliseconds until a retry can succeed.
   * An amount above the capacity is granted by a full bucket, whose level is negative then.
   *
   * @param now the reading of the clock, for a caller that consumes from several buckets
   */
  consume (amount = 1, now = this.#clock.now()): number {
    this.#refill(now)
    const cost = amount * this.#rate.timeWindow
    const missing = Math.min(cost, this.#capacity) - this.#level
    if (missing > 0) return Math.ceil(missing / this.#rate.max)
    this.#level -= cost
    return 0
  }

  /** After a clock was set back, it neither adds nor removes tokens. */
  #refill (now: number): void {
    if (now === this.#refilledAt) return
    const elapsed = Math.max(0, now - this.#refilledAt)
    this.#level = Math.min(this.#capacity, this.#level + elapsed * this.#rate.max)
    this.#refilledAt = now
  }
}
