import type { Clock, Timer } from '../../clock.ts'

/** Redis's clock and this machine's run at slightly different speeds: a timer that fires too early would do nothing. */
const slackMs = 5
/** The least time between two rounds in one channel: it bounds the calls for many single grace periods. */
const minIntervalMs = 100

/** When the next grace period of each channel ends, for the channels that this node takes care of. */
export class GraceTimers {
  readonly #clock: Clock
  readonly #end: (channel: string) => void
  readonly #timers = new Map<string, Timer>()
  readonly #endedAt = new Map<string, number>()
  #isStopped = false

  /** `end`: ends the due grace periods of a channel, and schedules again for the next one. */
  constructor (clock: Clock, end: (channel: string) => void) {
    this.#clock = clock
    this.#end = end
  }

  /** `nextMs`: when the next grace period of the channel ends, in milliseconds; undefined when none runs. */
  schedule (channel: string, nextMs: number | undefined): void {
    if (this.#isStopped) return
    const now = this.#clock.now()
    this.#clock.clearTimeout(this.#timers.get(channel))
    this.#timers.delete(channel)
    if (nextMs === undefined) {
      this.#endedAt.delete(channel)
      return
    }
    const at = Math.max(now + nextMs + slackMs, (this.#endedAt.get(channel) ?? -Infinity) + minIntervalMs)
    const timer = this.#clock.setTimeout(() => {
      this.#timers.delete(channel)
      this.#endedAt.set(channel, this.#clock.now())
      this.#end(channel)
    }, at - now)
    this.#timers.set(channel, timer)
  }

  stop (): void {
    this.#isStopped = true
    for (const timer of this.#timers.values()) this.#clock.clearTimeout(timer)
  }
}
