import type { Clock, Timer } from '../clock.ts'
import type { AdapterStatus } from '../cluster/adapter.ts'
import type { Logger } from '../logger.ts'

/** How long calls wait for a hub that is being replaced, which takes a few milliseconds. No line is written before. */
const takeoverMs = 1_000

/** Calls that wait for a takeover. More of them are refused. */
const maxWaiting = 10_000

/** Whether the hub works for this node, and if not, since when and why. The one place that logs it. */
export class HubStatus {
  readonly #clock: Clock
  readonly #log: Logger
  #status: AdapterStatus
  #reason = 'the hub was not found yet'
  /** What waits for the end of a takeover. */
  #waiting: Array<() => void> = []
  #mayWait = true
  #written: string | undefined
  #timer: Timer

  constructor (clock: Clock, log: Logger) {
    this.#clock = clock
    this.#log = log
    this.#status = { state: 'degraded', since: Math.round(clock.now()), reason: this.#reason }
    this.#waitForTakeover()
  }

  get status (): AdapterStatus {
    return this.#status
  }

  /** Whether a call need not wait for a takeover. */
  get isSettled (): boolean {
    return !this.#mayWait || this.#waiting.length >= maxWaiting
  }

  /**
   * Calls back once the hub works, or does not for longer than a takeover lasts; at once if that is known. The calls
   * are in the order of these requests.
   */
  whenSettled (callback: () => void): void {
    if (this.isSettled) callback()
    else this.#waiting.push(callback)
  }

  /** The hub does not work. @param isLasting it will not for a while, so nothing waits for it */
  note (reason: string, isLasting = false): void {
    const before = this.#status
    const since = before.state === 'degraded' ? before.since : Math.round(this.#clock.now())
    this.#status = { state: 'degraded', since, reason }
    this.#reason = reason
    if (before.state === 'up') this.#waitForTakeover()
    if (isLasting) this.#release()
    if (!this.#mayWait) this.#write(reason)
  }

  noteUp (): void {
    this.#status = { state: 'up' }
    this.#release()
    if (this.#written !== undefined) this.#log.info({}, 'the hub works again')
    this.#written = undefined
  }

  close (): void {
    this.#status = { state: 'degraded', since: Math.round(this.#clock.now()), reason: 'this node has closed' }
    this.#release()
  }

  #waitForTakeover (): void {
    this.#mayWait = true
    this.#timer = this.#clock.setTimeout(() => {
      this.#release()
      this.#write(this.#reason)
    }, takeoverMs)
  }

  #release (): void {
    this.#mayWait = false
    this.#clock.clearTimeout(this.#timer)
    for (const callback of this.#waiting.splice(0)) callback()
  }

  #write (reason: string): void {
    if (this.#written === reason) return
    this.#written = reason
    this.#log.warn({}, `${reason} (until then persistent messages are refused, and messages may not reach other ` +
      'processes)')
  }
}
