import type { Clock, Timer } from '../../clock.ts'

const firstBoundMs = 500
const lastBoundMs = 20_000

/**
 * The wait before a further attempt, with full jitter: a random time between 0 and a bound that doubles with each
 * failure. The jitter spreads the clients of a server that went away, so that they do not reconnect all at once.
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

  /** Counts a failure and calls `fn` after a random wait, which is at least `atLeastMs`. */
  retry (fn: () => void, atLeastMs = 0): void {
    const boundMs = Math.min(lastBoundMs, firstBoundMs * 2 ** this.#failures++)
    this.#wait(fn, Math.max(atLeastMs, this.#random() * boundMs))
    this.#waiting = fn
  }

  /** Ends the wait of a `retry` now, because an attempt is likely to succeed. */
  skipWait (): void {
    const fn = this.#waiting
    if (!fn) return
    this.stop()
    fn()
  }

  /** Resets the count of failures after `ms`, unless `retry` or `stop` is called before. */
  resetAfter (ms: number): void {
    this.#wait(() => { this.#failures = 0 }, ms)
  }

  /** Resets the count of failures and stops waiting. */
  reset (): void {
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
