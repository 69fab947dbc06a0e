import type { Clock } from '../clock.ts'

export interface ProtocolErrorLimit {
  /** How many are tolerated within the window. */
  readonly max: number
  /** Milliseconds. */
  readonly timeWindow: number
}

/** Counts the protocol errors of one connection, in windows that begin with the first error. */
export class ProtocolErrorBudget {
  readonly #options: ProtocolErrorLimit
  readonly #clock: Clock
  #count = 0
  #began = 0

  constructor (options: ProtocolErrorLimit, clock: Clock) {
    this.#options = options
    this.#clock = clock
  }

  /** Counts one error; true when it exceeds the limit. */
  countError (): boolean {
    const now = this.#clock.now()
    if (this.#count === 0 || now - this.#began >= this.#options.timeWindow) {
      this.#count = 0
      this.#began = now
    }
    return ++this.#count > this.#options.max
  }
}
