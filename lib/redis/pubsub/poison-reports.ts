import type { Logger } from '../../logger.ts'

/** At most one log line in this time, so that a flood of malformed messages does not flood the log. */
const logIntervalMs = 10_000

/** Counts and logs messages that no node of this version publishes. They are dropped. */
export class PoisonReports {
  readonly #log: Logger
  readonly #now: () => number
  #loggedAt = -Infinity
  count = 0

  constructor (log: Logger, now: () => number) {
    this.#log = log
    this.#now = now
  }

  add (name: string, error: unknown): void {
    this.count++
    if (this.#now() - this.#loggedAt < logIntervalMs) return
    this.#loggedAt = this.#now()
    this.#log.warn({ err: error, name, count: this.count }, 'a malformed message from Redis was dropped: ' +
      'check that only nodes of one version publish with this prefix')
  }
}
