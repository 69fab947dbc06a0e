import type { Clock } from '../clock.ts'

export interface ViolationOptions {
  /** How many are forgiven within the window. */
  readonly max: number
  /** Milliseconds. */
  readonly per: number
}

/** Counts what a peer did wrong, in windows that begin with the first fault. */
export class Violations {
  readonly #options: ViolationOptions
  readonly #clock: Clock
  #count = 0
  #began = 0

  constructor (options: ViolationOptions, clock: Clock) {
    this.#options = options
    this.#clock = clock
  }

  /** Counts one; true when it is one too many. */
  add (): boolean {
    const now = this.#clock.now()
    if (this.#count === 0 || now - this.#began >= this.#options.per) {
      this.#count = 0
      this.#began = now
    }
    return ++this.#count > this.#options.max
  }
}
