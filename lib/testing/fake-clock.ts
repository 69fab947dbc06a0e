import { setImmediate } from 'node:timers/promises'
import type { Clock, Timer } from '../clock.ts'

/**
 * Iterations of the event loop after each timer of `advanceAsync`. A ping and its pong take two between sockets of one
 * process; the rest is for handlers that wait for more.
 */
const iterationsPerTimer = 10

interface PendingTimer { readonly at: number, readonly fn: () => void }

/**
 * A clock that stands still until the test calls `advance`. Pass it as the option `clock` of the plugin or of
 * `connect`.
 *
 * @example
 * const clock = new FakeClock()
 * await app.register(channels, { clock })
 * clock.advance(30_000)
 */
export class FakeClock implements Clock {
  #now: number
  readonly #pending = new Set<PendingTimer>()

  /** `now`: the first reading of the clock, in milliseconds since 1970. Default: 0. */
  constructor (now = 0) {
    this.#now = now
  }

  /** The reading of the clock, in milliseconds since 1970. */
  now (): number {
    return this.#now
  }

  /** Calls `fn` once, during the `advance` that reaches `ms` milliseconds from now. */
  setTimeout (fn: () => void, ms: number): Timer {
    const pending = { at: this.#now + ms, fn }
    this.#pending.add(pending)
    return pending
  }

  /** Cancels a timer. A timer that was called or cancelled before is ignored. */
  clearTimeout (timer: Timer): void {
    this.#pending.delete(timer as PendingTimer)
  }

  /** The number of timers that were neither called nor cancelled. */
  get pending (): number {
    return this.#pending.size
  }

  /** Milliseconds until the next timer is due. Undefined without a pending timer. */
  get next (): number | undefined {
    return this.#pending.size === 0 ? undefined : this.#soonest().at - this.#now
  }

  /**
   * Moves the clock forward by `ms` milliseconds. Calls each timer that becomes due, in order, including timers that
   * are set by these calls. During a call, `now()` is the time at which the timer was due.
   */
  advance (ms: number): void {
    const end = this.#now + ms
    while (this.#runNext(end)) { /* one timer after the other */ }
    this.#now = end
  }

  /**
   * Moves the clock forward like `advance`, and lets the event loop run before the first timer, after each timer and at
   * the end. So clients in this process answer pings, and promises settle. Of other processes, such as Redis, an answer
   * may come later.
   *
   * @example
   * await clock.advanceAsync(900_000)
   */
  async advanceAsync (ms: number): Promise<void> {
    const end = this.#now + ms
    do await runEventLoop()
    while (this.#runNext(end))
    this.#now = end
  }

  /** Calls the next timer that is due until `end`. Returns whether there was one. */
  #runNext (end: number): boolean {
    if (this.#pending.size === 0) return false
    const due = this.#soonest()
    if (due.at > end) return false
    this.#pending.delete(due)
    this.#now = due.at
    due.fn()
    return true
  }

  #soonest (): PendingTimer {
    return [...this.#pending].reduce((a, b) => b.at < a.at ? b : a)
  }
}

async function runEventLoop (): Promise<void> {
  for (let i = 0; i < iterationsPerTimer; i++) await setImmediate()
}
