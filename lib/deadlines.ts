import { monotonic, type Clock, type Timer } from './clock.ts'

/**
 * Deadlines that are all as far away when they begin. They pass in the order in which they began, so the timer of the
 * oldest one serves all of them. A timer for each message was a tenth of what a message with an asynchronous handler
 * costs.
 */
export class Deadlines<Key> {
  readonly #clock: Clock
  readonly #now: () => number
  readonly #lengthMs: number
  readonly #passed: (key: Key) => void
  /** When each one passes, the oldest first. */
  readonly #passesAt = new Map<Key, number>()
  #timer: Timer
  #isClosed = false

  /** @param passed called once for each deadline that passes */
  constructor (clock: Clock, lengthMs: number, passed: (key: Key) => void) {
    this.#clock = clock
    this.#now = monotonic(clock)
    this.#lengthMs = lengthMs
    this.#passed = passed
  }

  begin (key: Key): void {
    this.#passesAt.set(key, this.#now() + this.#lengthMs)
    if (this.#timer === undefined) this.#wait(this.#lengthMs)
  }

  /** Whether the deadline had begun and has not passed. */
  end (key: Key): boolean {
    const isEnded = this.#passesAt.delete(key)
    if (this.#isClosed) this.#endIdleTimer()
    return isEnded
  }

  /** From now on the timer ends with the last deadline. Before, it waits for others, because they come often. */
  close (): void {
    this.#isClosed = true
    this.#endIdleTimer()
  }

  #wait (ms: number): void {
    this.#timer = this.#clock.setTimeout(() => this.#pass(), ms)
  }

  #pass (): void {
    this.#timer = undefined
    const now = this.#now()
    for (const [key, passesAt] of this.#passesAt) {
      if (passesAt > now) return this.#wait(passesAt - now)
      this.#passesAt.delete(key)
      this.#passed(key)
    }
  }

  #endIdleTimer (): void {
    if (this.#passesAt.size > 0) return
    this.#clock.clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
