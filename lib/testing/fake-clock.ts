import { setImmediate } from 'node:timers/promises'
import type { Clock, Timer } from '../clock.ts'

/**
 * Iterations of the event loop after each timer of `advanceAsync`. A ping and its pong take two between sockets of one
 * process; the rest is for handlers that wait for more.
 */
const iterationsPerTimer = 10

/** How many timers in a row may be due at the time at which they were set. More are taken for an endless loop. */
const maxTimersWithoutWait = 10_000

interface PendingTimer { readonly setAt: number, readonly at: number, readonly fn: () => void }

/** A call of `advance` that is under way. Another call moves its end too, so that no call goes back. */
interface Move { end: number }

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
  readonly #moves = new Set<Move>()
  #lastMove: Promise<void> = Promise.resolve()
  #timersWithoutWait = 0

  /**
   * `now`: the first reading of the clock, in milliseconds since 1970. Default: 0.
   * @throws {RangeError} unless `now` is a finite number
   */
  constructor (now = 0) {
    if (!Number.isFinite(now)) throw new RangeError(`FakeClock: 'now' is ${now}: pass milliseconds since 1970`)
    this.#now = now
  }

  /** The reading of the clock, in milliseconds since 1970. */
  now (): number {
    return this.#now
  }

  /** Calls `fn` once, during the `advance` that reaches `ms` milliseconds from now. Less than 0 is 0. */
  setTimeout (fn: () => void, ms: number): Timer {
    const pending = { setAt: this.#now, at: this.#now + (ms > 0 ? ms : 0), fn }
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
   * @throws {RangeError} unless `ms` is a finite number of at least 0
   * @throws {Error} if timers of 0 ms set each other without end
   */
  advance (ms: number): void {
    checkDuration(ms)
    const move = this.#start(ms)
    try {
      while (this.#runNext(move.end)) { /* one timer after the other */ }
      this.#now = move.end
    } finally {
      this.#moves.delete(move)
    }
  }

  /**
   * Moves the clock forward like `advance`, and lets the event loop run before the first timer, after each timer and at
   * the end. So clients in this process answer pings, and promises settle. Of other processes, such as Redis, an answer
   * may come later. A call waits for the end of earlier ones.
   *
   * @example
   * await clock.advanceAsync(900_000)
   */
  async advanceAsync (ms: number): Promise<void> {
    checkDuration(ms)
    const moved = this.#lastMove.then(() => this.#advanceAsync(ms))
    this.#lastMove = moved.catch(() => {})
    return moved
  }

  async #advanceAsync (ms: number): Promise<void> {
    const move = this.#start(ms)
    try {
      do await runEventLoop()
      while (this.#runNext(move.end))
      this.#now = move.end
    } finally {
      this.#moves.delete(move)
    }
  }

  #start (ms: number): Move {
    for (const other of this.#moves) other.end += ms
    const move = { end: this.#now + ms }
    this.#moves.add(move)
    return move
  }

  /** Calls the next timer that is due until `end`. Returns whether there was one. */
  #runNext (end: number): boolean {
    if (this.#pending.size === 0) return false
    const due = this.#soonest()
    if (due.at > end) return false
    this.#timersWithoutWait = due.at > due.setAt ? 0 : this.#timersWithoutWait + 1
    if (this.#timersWithoutWait > maxTimersWithoutWait) {
      this.#timersWithoutWait = 0
      throw new Error(`FakeClock: timers of 0 ms set each other without end at ${due.at}: give them a duration`)
    }
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

function checkDuration (ms: number): void {
  if (Number.isFinite(ms) && ms >= 0) return
  throw new RangeError(`FakeClock: the clock cannot move by ${ms} ms: pass a number of at least 0`)
}
