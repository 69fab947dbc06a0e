import type { HistoryPort } from '../cluster/history.ts'
import { clusterTimings } from '../cluster/timings.ts'
import type { Clock, Timer } from '../clock.ts'
import type { HistoryFollower } from './history-follower.ts'

interface Watched {
  readonly follower: HistoryFollower
  /** The hash at the previous poll. A follower that has moved since then is not polled. */
  lastHash: string | undefined
}

/**
 * Detects a lost last entry, which no later entry reveals: compares the histories that are quiet with the shared
 * positions, all of a node in one call.
 */
export class PositionPoller {
  readonly #history: Pick<HistoryPort, 'positions'>
  readonly #clock: Clock
  readonly #watched = new Map<string, Watched>()
  #timer: Timer

  constructor (history: Pick<HistoryPort, 'positions'>, clock: Clock) {
    this.#history = history
    this.#clock = clock
  }

  watch (channel: string, follower: HistoryFollower): void {
    this.#watched.set(channel, { follower, lastHash: undefined })
    if (this.#watched.size === 1) this.#schedule()
  }

  unwatch (channel: string): void {
    this.#watched.delete(channel)
    if (this.#watched.size === 0) this.#clock.clearTimeout(this.#timer)
  }

  #schedule (): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#schedule()
      // The adapter cannot be reached. It reports a gap when it can, and everything is read again then.
      this.#poll().catch(() => {})
    }, clusterTimings.positionPollIntervalMs)
  }

  async #poll (): Promise<void> {
    const quiet = [...this.#watched].filter(([, watched]) => isQuiet(watched))
    if (quiet.length === 0) return
    const positions = await this.#history.positions(quiet.map(([channel]) => channel))
    for (const [i, [, { follower }]] of quiet.entries()) follower.comparePosition(positions[i])
  }
}

/** Whether nothing was delivered since the previous poll. Notes the hash for the next one. */
function isQuiet (watched: Watched): boolean {
  const hash = watched.follower.position?.hash
  const isQuiet = hash !== undefined && hash === watched.lastHash
  watched.lastHash = hash
  return isQuiet
}
