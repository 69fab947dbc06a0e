import type { HistoryPort } from '../cluster/history.ts'
import type { Clock, Timer } from '../clock.ts'
import type { HistoryFollower } from './history-follower.ts'

/** Milliseconds between two checks. */
const every = 5_000

/**
 * Finds what nothing else can: that the last message of a log was lost on its way here, with none after it to show the hole. Logs that
 * are quiet are asked for their newest position, all of a node at once.
 */
export class PositionPoller {
  readonly #history: Pick<HistoryPort, 'positions'>
  readonly #clock: Clock
  /** With the position at the last check: who has moved since needs no asking. */
  readonly #feeds = new Map<string, { readonly feed: HistoryFollower, last: string | undefined }>()
  #timer: Timer

  constructor (history: Pick<HistoryPort, 'positions'>, clock: Clock) {
    this.#history = history
    this.#clock = clock
  }

  watch (channel: string, feed: HistoryFollower): void {
    this.#feeds.set(channel, { feed, last: undefined })
    if (this.#feeds.size === 1) this.#schedule()
  }

  unwatch (channel: string): void {
    this.#feeds.delete(channel)
    if (this.#feeds.size === 0) this.#clock.clearTimeout(this.#timer)
  }

  #schedule (): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#schedule()
      this.#check([...this.#feeds].filter(([, watched]) => isQuiet(watched)))
        // The adapter cannot be reached: it tells of the gap when it can.
        .catch(() => {})
    }, every)
  }

  async #check (quiet: ReadonlyArray<readonly [string, { readonly feed: HistoryFollower }]>): Promise<void> {
    if (quiet.length === 0) return
    const positions = await this.#history.positions(quiet.map(([channel]) => channel))
    for (const [i, [, { feed }]] of quiet.entries()) feed.comparePosition(positions[i])
  }
}

function isQuiet (watched: { readonly feed: HistoryFollower, last: string | undefined }): boolean {
  const hash = watched.feed.position?.hash
  const isQuiet = hash !== undefined && hash === watched.last
  watched.last = hash
  return isQuiet
}
