import type { Clock, Timer } from '../clock.ts'

/** What the heartbeat needs of a connection. */
export interface HeartbeatTarget {
  /** Whether a frame arrived since the last ping. */
  hasAnswered: boolean
  /** Whether we stopped reading: silence says nothing then. */
  readonly isPaused: boolean
  ping (): void
  terminate (): void
}

export interface HeartbeatOptions {
  /** Milliseconds between two pings of one connection. */
  readonly interval: number
  /** Milliseconds that an answer may take, shorter than the interval. */
  readonly timeout: number
}

/** Ten thousand pings in one sweep block a process for 136 ms; in 32 slices it is 6 ms each. */
const slices = 32

/**
 * Finds dead peers: one timer for all. The interval is cut into slices; each connection is in one of them, pinged when
 * its turn comes, and looked at again when the timeout is over.
 */
export class Heartbeat {
  readonly options: HeartbeatOptions
  readonly #clock: Clock
  readonly #slices: ReadonlyArray<Set<HeartbeatTarget>> = Array.from({ length: slices }, () => new Set<HeartbeatTarget>())
  readonly #home = new Map<HeartbeatTarget, Set<HeartbeatTarget>>()
  /** How many turns after its ping a slice is judged; rounded down, so that no verdict comes late. */
  readonly #patience: number
  #turn = 0
  #next = 0
  #timer: Timer
  #terminated = 0

  constructor (options: HeartbeatOptions, clock: Clock) {
    this.options = options
    this.#clock = clock
    this.#patience = Math.max(1, Math.floor(options.timeout / (options.interval / slices)))
  }

  /** Connections under watch. */
  get size (): number {
    return this.#home.size
  }

  /** Connections that were ended because they did not answer, since the start. */
  get terminated (): number {
    return this.#terminated
  }

  watch (peer: HeartbeatTarget): void {
    const slice = this.#slices[this.#next++ % slices] as Set<HeartbeatTarget>
    slice.add(peer)
    this.#home.set(peer, slice)
    if (this.#home.size === 1) this.#schedule()
  }

  watches (peer: HeartbeatTarget): boolean {
    return this.#home.has(peer)
  }

  unwatch (peer: HeartbeatTarget): void {
    this.#home.get(peer)?.delete(peer)
    this.#home.delete(peer)
    if (this.#home.size === 0) this.#clock.clearTimeout(this.#timer)
  }

  #schedule (): void {
    this.#timer = this.#clock.setTimeout(() => this.#beat(), this.options.interval / slices)
  }

  #beat (): void {
    this.#schedule()
    this.#turn = (this.#turn + 1) % slices
    this.#judge(this.#sliceAt(this.#turn - this.#patience))
    for (const peer of this.#sliceAt(this.#turn)) peer.ping()
  }

  #sliceAt (turn: number): Set<HeartbeatTarget> {
    return this.#slices[(turn + slices) % slices] as Set<HeartbeatTarget>
  }

  #judge (slice: Set<HeartbeatTarget>): void {
    for (const peer of slice) {
      if (peer.hasAnswered || peer.isPaused) continue
      this.#terminated++
      peer.terminate()
    }
  }
}
