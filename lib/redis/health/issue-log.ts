import type { Clock, Timer } from '../../clock.ts'
import type { Logger } from '../../logger.ts'
import type { Issue } from './issues.ts'

/**
 * These say little, and the cause follows with the next attempt to connect. The wait for it, in milliseconds: a first
 * attempt may take 3 s, one after a lost connection most often less.
 */
const settleMs: Readonly<Record<string, number>> = { connecting: 4_000, closed: 1_000, reset: 1_000 }
/**
 * How long another cause lasts before it is logged in the same outage. Shorter ones are stages of one recovery: a
 * failover, or a Redis that starts and loads its data.
 */
const furtherCauseMs = 5_000

/** Writes one line when an outage begins, one when it ends, and one for each further cause that lasts. */
export class IssueLog {
  readonly #log: Logger
  readonly #clock: Clock
  readonly #written = new Set<string>()
  #current: Issue | undefined
  #since: number
  #hasWorked = false
  #isClosed = false
  #timer: Timer

  constructor (log: Logger, clock: Clock) {
    this.#log = log
    this.#clock = clock
    this.#since = clock.now()
  }

  /** Something is wrong. `since`: when the outage began. */
  note (issue: Issue, since: number): void {
    if (this.#isClosed) return
    const isSame = issue.kind === this.#current?.kind
    this.#current = issue
    this.#since = since
    if (isSame) return
    this.#clock.clearTimeout(this.#timer)
    if (this.#written.has(issue.kind)) return
    const waitMs = this.#written.size > 0 ? furtherCauseMs : settleMs[issue.kind] ?? 0
    if (waitMs === 0) this.#write()
    else this.#timer = this.#clock.setTimeout(() => this.#write(), waitMs)
  }

  /** All is well, for the first time or again. `dropped`: messages to other nodes that were lost meanwhile. */
  end (dropped: number): void {
    this.#clock.clearTimeout(this.#timer)
    if (this.#hasWorked && this.#written.size === 0) this.#write()
    // The first connection takes a moment, and that is no outage.
    const wasDown = this.#written.size > 0 || dropped > 0
    const outage = wasDown ? { downMs: this.#clock.now() - this.#since, dropped } : {}
    this.#log.info(outage, this.#hasWorked ? 'Redis works again' : 'Redis works')
    this.#hasWorked = true
    this.#current = undefined
    this.#written.clear()
  }

  close (): void {
    this.#isClosed = true
    this.#clock.clearTimeout(this.#timer)
  }

  #write (): void {
    const { kind, text } = this.#current as Issue
    this.#written.add(kind)
    this.#log.warn({ cause: kind }, `${text} (until then persistent messages are refused, and messages may not reach ` +
      'other nodes)')
  }
}
