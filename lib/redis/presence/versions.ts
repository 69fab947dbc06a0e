import type { Clock } from '../../clock.ts'

/** Decide which of two changes of this node is newer, however late they arrive: about the time in microseconds, and always more than before. */
export class Versions {
  readonly #clock: Clock
  #last = 0

  constructor (clock: Clock) {
    this.#clock = clock
  }

  get last (): number {
    return this.#last
  }

  next (): number {
    this.#last = Math.max(this.#last + 1, this.#clock.now() * 1_000)
    return this.#last
  }
}
