import type { Clock, Timer } from '../clock.ts'

/** What may be over at a moment: milliseconds since 1970, undefined for never. */
export interface Expiring {
  readonly expiresAt: number | undefined
}

/**
 * How often the clock is looked at. Not one timer for each end: timers run on another clock than the tokens' ends do,
 * and a machine that slept, or whose clock was set, would end them late.
 */
const every = 1_000

/** Ends what has expired: one timer for all, and none when there is nothing to end. */
export class TokenExpiry<T extends Expiring> {
  readonly #clock: Clock
  readonly #expired: (one: T) => void
  readonly #watched = new Set<T>()
  #timer: Timer

  constructor (clock: Clock, expired: (one: T) => void) {
    this.#clock = clock
    this.#expired = expired
  }

  watch (one: T): void {
    this.#watched.add(one)
    if (this.#watched.size === 1) this.#schedule()
  }

  unwatch (one: T): void {
    this.#watched.delete(one)
    if (this.#watched.size === 0) this.#clock.clearTimeout(this.#timer)
  }

  #schedule (): void {
    this.#timer = this.#clock.setTimeout(() => this.#look(), every)
  }

  #look (): void {
    this.#schedule()
    const now = this.#clock.now()
    for (const one of this.#watched) if (one.expiresAt !== undefined && one.expiresAt <= now) this.#expired(one)
  }
}
