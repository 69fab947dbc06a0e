import type { Clock, Timer } from '../clock.ts'

/** The part of a connection that the heartbeat uses. */
export interface HeartbeatTarget {
  /** Whether a WebSocket frame arrived since the last ping. */
  hasAnswered: boolean
  /** Whether the server stopped reading. No pong can arrive then. */
  readonly isPaused: boolean
  ping (): void
  terminate (): void
}

export interface HeartbeatOptions {
  /** Milliseconds between two pings of one connection. */
  readonly interval: number
  /** Milliseconds that a pong may take, shorter than the interval. */
  readonly timeout: number
}

/** 10,000 pings at once block a process for 136 ms; in 32 slices they block it for 6 ms each. */
const sliceCount = 32

/**
 * Pings all connections and terminates those that do not answer, with one timer. The interval is cut into slices. Each
 * connection belongs to one slice: it is pinged once per interval, and checked when the timeout after that is over.
 */
export class Heartbeat {
  readonly options: HeartbeatOptions
  readonly #clock: Clock
  readonly #slices: ReadonlyArray<Set<HeartbeatTarget>> =
    Array.from({ length: sliceCount }, () => new Set<HeartbeatTarget>())

  readonly #sliceOf = new Map<HeartbeatTarget, Set<HeartbeatTarget>>()
  /** How many slices after its ping a slice is checked; rounded down, so that no check is late. */
  readonly #checkDelay: number
  /** The index of the slice that was pinged last. */
  #pinged = 0
  #next = 0
  #timer: Timer
  #terminated = 0

  constructor (options: HeartbeatOptions, clock: Clock) {
    this.options = options
    this.#clock = clock
    this.#checkDelay = Math.max(1, Math.floor(options.timeout / (options.interval / sliceCount)))
  }

  /** The number of watched connections. */
  get size (): number {
    return this.#sliceOf.size
  }

  /** The number of connections terminated since the start because they did not answer. */
  get terminated (): number {
    return this.#terminated
  }

  watch (target: HeartbeatTarget): void {
    const slice = this.#slices[this.#next++ % sliceCount] as Set<HeartbeatTarget>
    slice.add(target)
    this.#sliceOf.set(target, slice)
    if (this.#sliceOf.size === 1) this.#schedule()
  }

  watches (target: HeartbeatTarget): boolean {
    return this.#sliceOf.has(target)
  }

  unwatch (target: HeartbeatTarget): void {
    this.#sliceOf.get(target)?.delete(target)
    this.#sliceOf.delete(target)
    if (this.#sliceOf.size === 0) this.#clock.clearTimeout(this.#timer)
  }

  #schedule (): void {
    this.#timer = this.#clock.setTimeout(() => this.#beat(), this.options.interval / sliceCount)
  }

  #beat (): void {
    this.#schedule()
    this.#pinged = (this.#pinged + 1) % sliceCount
    this.#terminateSilent(this.#sliceAt(this.#pinged - this.#checkDelay))
    for (const target of this.#sliceAt(this.#pinged)) target.ping()
  }

  #sliceAt (index: number): Set<HeartbeatTarget> {
    return this.#slices[(index + sliceCount) % sliceCount] as Set<HeartbeatTarget>
  }

  #terminateSilent (slice: Set<HeartbeatTarget>): void {
    for (const target of slice) {
      if (target.hasAnswered || target.isPaused) continue
      this.#terminated++
      target.terminate()
    }
  }
}
