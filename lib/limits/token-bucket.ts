import type { Clock } from '../clock.ts'

/** So many within so long, in milliseconds. */
export interface Rate {
  readonly max: number
  readonly timeWindow: number
}

/**
 * A token bucket: it holds `max`, and refills steadily over `per`. A burst may use all of it; what goes on longer may not
 * exceed the rate.
 */
export class TokenBucket {
  readonly #rate: Rate
  readonly #clock: Clock
  // In units of 1 / per, so that everything is a whole number and nothing is lost to rounding.
  readonly #capacity: number
  #level: number
  #at: number

  constructor (rate: Rate, clock: Clock) {
    this.#rate = rate
    this.#clock = clock
    this.#capacity = rate.max * rate.timeWindow
    this.#level = this.#capacity
    this.#at = clock.now()
  }

  /** Whether it has been left alone long enough to be as good as new. */
  get isFull (): boolean {
    this.#refill()
    return this.#level === this.#capacity
  }

  /**
   * Takes `amount`, and returns 0; or takes nothing, and returns after how many milliseconds to try again. More than it can
   * hold is taken from a full one, which is in debt then.
   */
  consume (amount = 1): number {
    this.#refill()
    const cost = amount * this.#rate.timeWindow
    const missing = Math.min(cost, this.#capacity) - this.#level
    if (missing > 0) return Math.ceil(missing / this.#rate.max)
    this.#level -= cost
    return 0
  }

  /** A clock that was set back refills nothing, and takes nothing away. */
  #refill (): void {
    const now = this.#clock.now()
    const elapsed = Math.max(0, now - this.#at)
    this.#level = Math.min(this.#capacity, this.#level + elapsed * this.#rate.max)
    this.#at = now
  }
}
