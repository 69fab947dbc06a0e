import type { Clock } from '../clock.ts'

export interface ProtocolErrorLimit {
  /** How many are forgiven within the window. */
  readonly max: number
  /** Milliseconds. */
  readonly timeWindow: number
}

/** Counts what a peer did wrong, in windows that begin with the first fault. */
export class ProtocolErrorBudget {
  readonly #options: ProtocolErrorLimit
  readonly #clock: Clock
  #count = 0
  #began = 0

  constructor (options: ProtocolErrorLimit, clock: Clock) {
    this.#options = options
    this.#clock = clock
  }

  /** Counts one; true when it is one too many. */
  countError (): boolean {
    const now = this.#clock.now()
    if (this.#count === 0 || now - this.#began >= this.#options.timeWindow) {
      this.#count = 0
      this.#began = now
    }
    return ++this.#count > this.#options.max
  }
}
