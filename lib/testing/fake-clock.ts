import type { Clock, Timer } from '../clock.ts'

interface Pending { readonly at: number, readonly fn: () => void }

/** A clock that moves only when told to. */
export class FakeClock implements Clock {
  #now: number
  readonly #pending = new Set<Pending>()

  constructor (now = 0) {
    this.#now = now
  }

  now (): number {
    return this.#now
  }

  setTimeout (fn: () => void, ms: number): Timer {
    const pending = { at: this.#now + ms, fn }
    this.#pending.add(pending)
    return pending
  }

  clearTimeout (timer: Timer): void {
    this.#pending.delete(timer as Pending)
  }

  /** How many timers are waiting. */
  get pending (): number {
    return this.#pending.size
  }

  /** Milliseconds until the next timer is due; undefined when none is waiting. */
  get next (): number | undefined {
    return this.#pending.size === 0 ? undefined : this.#soonest().at - this.#now
  }

  /** Moves on by `ms`, calling every timer that falls due, in order, those that timers set included. */
  advance (ms: number): void {
    const end = this.#now + ms
    while (this.#pending.size > 0 && this.#soonest().at <= end) {
      const due = this.#soonest()
      this.#pending.delete(due)
      this.#now = due.at
      due.fn()
    }
    this.#now = end
  }

  #soonest (): Pending {
    return [...this.#pending].reduce((a, b) => b.at < a.at ? b : a)
  }
}
