import type { Clock, Timer } from '../clock.ts'

/** Something with an end, in milliseconds since 1970; undefined if it never ends. */
export interface Expiring {
  readonly expiresAt: number | undefined
}

/**
 * How often wall time is compared. One timer per token would be late after a suspend or a clock change, because timers
 * follow a monotonic clock and tokens expire by wall time.
 */
const checkIntervalMs = 1_000

/** Reports expired connections, with one timer for all; no timer runs while nothing is watched. */
export class TokenExpiry<T extends Expiring> {
  readonly #clock: Clock
  readonly #onExpired: (expiring: T) => void
  readonly #watched = new Set<T>()
  #timer: Timer

  constructor (clock: Clock, onExpired: (expiring: T) => void) {
    this.#clock = clock
    this.#onExpired = onExpired
  }

  watch (expiring: T): void {
    this.#watched.add(expiring)
    if (this.#watched.size === 1) this.#schedule()
  }

  unwatch (expiring: T): void {
    this.#watched.delete(expiring)
    if (this.#watched.size === 0) this.#clock.clearTimeout(this.#timer)
  }

  #schedule (): void {
    this.#timer = this.#clock.setTimeout(() => this.#check(), checkIntervalMs)
  }

  #check (): void {
    this.#schedule()
    const now = this.#clock.now()
    for (const expiring of this.#watched) {
      if (expiring.expiresAt !== undefined && expiring.expiresAt <= now) this.#onExpired(expiring)
    }
  }
}
