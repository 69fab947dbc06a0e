import type { Clock, Timer } from '../clock.ts'

/** Refused requests of one address in one window whose log lines are written. Enough to see a pattern. */
const perAddress = 10
/** The same for all addresses together, because an attacker may have many. */
const perWindow = 100

const windowMs = 60_000

interface Window { readonly since: number, readonly used: Map<string, number>, total: number }

/** Bounds how many refused requests are logged, and reports how many were not, by status, once a window. */
export class RefusalBudget {
  readonly #clock: Clock
  readonly #report: (suppressed: Readonly<Record<string, number>>) => void
  readonly #suppressed = new Map<string, number>()
  #window: Window
  #timer: Timer

  constructor (clock: Clock, report: (suppressed: Readonly<Record<string, number>>) => void) {
    this.#clock = clock
    this.#report = report
    this.#window = this.#begin()
  }

  /** Counts a request, and returns what takes it out of the count. Undefined when the budget is used up. */
  take (address: string): (() => void) | undefined {
    if (this.#clock.now() - this.#window.since >= windowMs) this.#window = this.#begin()
    const window = this.#window
    const used = window.used.get(address) ?? 0
    if (used >= perAddress || window.total >= perWindow) return undefined
    count(window, address, 1)
    return () => count(window, address, -1)
  }

  /** Counts a refused request that was not logged. */
  countSuppressed (status: string): void {
    if (this.#suppressed.size === 0) this.#timer = this.#clock.setTimeout(() => this.flush(), windowMs)
    this.#suppressed.set(status, (this.#suppressed.get(status) ?? 0) + 1)
  }

  /** Reports what was not logged so far. */
  flush (): void {
    this.#clock.clearTimeout(this.#timer)
    if (this.#suppressed.size === 0) return
    this.#report(Object.fromEntries(this.#suppressed))
    this.#suppressed.clear()
  }

  #begin (): Window {
    return { since: this.#clock.now(), used: new Map(), total: 0 }
  }
}

function count (window: Window, address: string, change: 1 | -1): void {
  window.used.set(address, (window.used.get(address) ?? 0) + change)
  window.total += change
}
