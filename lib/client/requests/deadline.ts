import type { Clock, Timer } from '../../clock.ts'

/** A timer that is later than this fires after the thread was blocked, or while its page is throttled. */
const lateMs = 500
const repeatMs = 1000

/**
 * One wait that ends with a judgement, such as "no answer". After the thread was blocked a timer fires before the
 * frames that arrived meanwhile are read. So a timer that fires late is repeated.
 */
export class Deadline {
  readonly #clock: Clock
  #timer: Timer

  constructor (clock: Clock) {
    this.#clock = clock
  }

  /** Calls `fn` after `ms`. Replaces an earlier wait. */
  start (ms: number, fn: () => void): void {
    this.stop()
    const lastMs = this.#clock.now() + ms + lateMs
    this.#timer = this.#clock.setTimeout(() => this.#clock.now() > lastMs ? this.start(repeatMs, fn) : fn(), ms)
  }

  stop (): void {
    this.#clock.clearTimeout(this.#timer)
  }
}
