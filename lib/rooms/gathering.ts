import type { Clock, Timer } from '../clock.ts'

/**
 * How long presence changes are gathered, in milliseconds, by the number of members on this node that get them. 0 is
 * until the end of the event-loop iteration. Without it, n users who join at once cost n * n messages.
 */
const steps = [
  { members: 100, ms: 0 },
  { members: 1_000, ms: 100 },
  { members: Infinity, ms: 1_000 }
] as const

/** How long a room with that many members gathers changes. */
export function gatheringMs (members: number): number {
  return steps.find((step) => members <= step.members)?.ms as number
}

/** Calls `announce` once for all changes of a while. */
export class Gathering {
  readonly #clock: Clock
  readonly #members: { readonly size: number }
  readonly #announce: () => void
  #isRunning = false
  #timer: Timer

  constructor (clock: Clock, members: { readonly size: number }, announce: () => void) {
    this.#clock = clock
    this.#members = members
    this.#announce = announce
  }

  /** Something changed. */
  begin (): void {
    if (this.#isRunning) return
    this.#isRunning = true
    const ms = gatheringMs(this.#members.size)
    if (ms === 0) setImmediate(() => this.#end())
    else this.#timer = this.#clock.setTimeout(() => this.#end(), ms)
  }

  stop (): void {
    this.#clock.clearTimeout(this.#timer)
  }

  #end (): void {
    this.#isRunning = false
    this.#announce()
  }
}
