import type { Logger } from '../../logger.ts'

/** Milliseconds between two lines about it: whoever sends poison is not to fill the log as well. */
const every = 10_000

/** Messages that are none of ours, or broken: dropped, counted, logged. */
export class PoisonLog {
  readonly #log: Logger
  readonly #now: () => number
  #told = -Infinity
  count = 0

  constructor (log: Logger, now: () => number) {
    this.#log = log
    this.#now = now
  }

  add (name: string, error: unknown): void {
    this.count++
    if (this.#now() - this.#told < every) return
    this.#told = this.#now()
    this.#log.warn({ err: error, name, count: this.count }, 'a message from Redis was dropped: it is malformed')
  }
}
