import type { Clock, Timer } from '../../clock.ts'

const firstBound = 500
const lastBound = 20_000

/**
 * When to try again. Full jitter: a random time between nothing and a bound that doubles with each failure, so that the
 * clients of a server that went away do not all come back at once.
 */
export class Backoff {
  readonly #clock: Clock
  readonly #random: () => number
  #failures = 0
  #timer: Timer
  #waiting: (() => void) | undefined

  constructor (clock: Clock, random: () => number) {
    this.#clock = clock
    this.#random = random
  }

  /** Counts a failure and calls `fn` after the wait it has earned, or after `atLeast` milliseconds where that is longer. */
  retry (fn: () => void, atLeast = 0): void {
    const bound = Math.min(lastBound, firstBound * 2 ** this.#failures++)
    this.#wait(fn, Math.max(atLeast, this.#random() * bound))
    this.#waiting = fn
  }

  /** Ends the wait of a `retry` at once: there is reason to hope. */
  hasten (): void {
    const fn = this.#waiting
    if (!fn) return
    this.stop()
    fn()
  }

  /** Forgets the failures once `ms` milliseconds have passed without `retry` or `stop`. */
  forgiveAfter (ms: number): void {
    this.#wait(() => { this.#failures = 0 }, ms)
  }

  /** Forgets the failures, and whatever it waits for. */
  forgive (): void {
    this.stop()
    this.#failures = 0
  }

  stop (): void {
    this.#waiting = undefined
    this.#clock.clearTimeout(this.#timer)
  }

  #wait (fn: () => void, ms: number): void {
    this.stop()
    this.#timer = this.#clock.setTimeout(() => {
      this.#waiting = undefined
      fn()
    }, ms)
  }
}
