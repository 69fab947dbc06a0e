import type { Clock, Timer } from '../../clock.ts'

const firstBoundMs = 500

/**
 * A connection that stayed open this long makes the failures before it past. An open event is not enough: clients would
 * connect twice a second to a server that accepts and then closes each connection.
 */
const stableAfterMs = 10_000

/** The longest wait before a further attempt. */
export const longestWaitMs = 20_000

/** A platform may have no limit for a `fetch`. */
const longestHoldMs = 10_000

/** A longer wait overflows the timers of JavaScript, which then fire at once. */
export const maxWaitMs = 2 ** 31 - 1

/** The wait that a server asks for, in milliseconds; undefined when it asks for none that a timer can keep. */
export function waitOf (ms: unknown): number | undefined {
  return Number(ms) >= 0 ? Math.min(Number(ms), maxWaitMs) : undefined
}

/**
 * The wait before a further attempt, with full jitter: a random time between 0 and a bound that doubles with each
 * failure. The jitter spreads the clients of a server that went away, so that they do not reconnect all at once.
 */
export class Backoff {
  /** Whether a wait that ends is prolonged by 10 s, because its length is not known yet. */
  isHeld = false
  readonly #clock: Clock
  readonly #random: () => number
  #failures = 0
  #timer: Timer
  #waiting: (() => void) | undefined
  #at = 0
  #openedAt = NaN

  constructor ({ clock, random }: { readonly clock: Clock, readonly random: () => number }) {
    this.#clock = clock
    this.#random = random
  }

  /** Whether a `retry` waits. */
  get isWaiting (): boolean {
    return this.#waiting !== undefined
  }

  /** A connection is open. */
  opened (): void {
    this.#openedAt = this.#clock.now()
  }

  /** Whether a failure counts when the next wait is chosen. */
  get hasFailures (): boolean {
    if (this.#clock.now() - this.#openedAt >= stableAfterMs) this.#failures = 0
    return this.#failures > 0
  }

  /**
   * Counts a failure and calls `fn` after a random wait. `afterMs`: the wait that the server asks for. It is at least
   * this long then, and the bound is the first one.
   */
  retry (fn: () => void, afterMs?: number): void {
    const isLonger = this.hasFailures && afterMs === undefined
    const boundMs = isLonger ? Math.min(longestWaitMs, firstBoundMs * 2 ** this.#failures) : firstBoundMs
    this.#failures++
    this.#openedAt = NaN
    this.#start(fn, Math.max(afterMs ?? 0, this.#random() * boundMs))
  }

  /** Makes the wait of a `retry` at least this long, from now on. Returns the milliseconds that are left. */
  extend (ms = 0): number {
    if (!this.#waiting) return 0
    const leftMs = Math.max(ms, this.#at - this.#clock.now())
    this.#start(this.#waiting, leftMs)
    return leftMs
  }

  /** Ends the wait of a `retry` now, because an attempt is likely to succeed. */
  skipWait (): void {
    const fn = this.#waiting
    this.stop()
    fn?.()
  }

  /** Resets the count of failures and stops waiting. */
  reset (): void {
    this.stop()
    this.#failures = 0
  }

  stop (): void {
    this.#waiting = undefined
    this.isHeld = false
    this.#clock.clearTimeout(this.#timer)
  }

  #start (fn: () => void, ms: number): void {
    this.stop()
    this.#waiting = fn
    this.#at = this.#clock.now() + ms
    this.#timer = this.#clock.setTimeout(() => {
      if (this.isHeld) this.#timer = this.#clock.setTimeout(() => this.skipWait(), longestHoldMs)
      else this.skipWait()
    }, ms)
  }
}
