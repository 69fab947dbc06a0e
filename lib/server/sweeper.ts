import type { Clock, Timer } from '../clock.ts'
import type { Connection } from '../connection/connection.ts'
import type { Heartbeat } from '../connection/heartbeat.ts'
import type { Registry } from '../connection/registry.ts'

/** Milliseconds between two sweeps. */
const every = 60_000

/** What is stale, by what is wrong with it. */
export interface Swept {
  /** Connections whose socket is closed although nobody said so. */
  readonly closed: number
  /** Connections that the heartbeat does not know, so that nothing would ever find them dead. */
  readonly unwatched: number
  /** Entries that belong to no connection: in rooms, sessions, the heartbeat. */
  readonly orphaned: number
}

/** What a sweep looks through. */
export interface Sweepable {
  readonly registry: Registry
  readonly heartbeat: Heartbeat
  remove (connection: Connection): void
  /** Returns how many entries there were that belong to no connection. */
  removeOrphans (): number
  forgetExpired (): void
}

/**
 * Looks for what should not exist: every entry is removed where its connection ends, and this is the net below for a
 * mistake in that. What it finds is a defect, and logged as one.
 */
export class Sweeper {
  readonly #node: Sweepable
  readonly #clock: Clock
  #timer: Timer
  #swept: Swept = { closed: 0, unwatched: 0, orphaned: 0 }

  constructor (node: Sweepable, clock: Clock) {
    this.#node = node
    this.#clock = clock
    this.#schedule()
  }

  /** Since the start. */
  get swept (): Swept {
    return this.#swept
  }

  stop (): void {
    this.#clock.clearTimeout(this.#timer)
  }

  #schedule (): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#schedule()
      this.#sweep()
    }, every)
  }

  #sweep (): void {
    const { registry, heartbeat } = this.#node
    for (const connection of registry.all()) {
      if (connection.isSocketClosed) this.#discard(connection, 'closed')
      else if (!heartbeat.watches(connection)) this.#discard(connection, 'unwatched')
    }
    this.#count('orphaned', this.#node.removeOrphans())
    this.#node.forgetExpired()
  }

  #discard (connection: Connection, reason: keyof Swept): void {
    connection.log.warn({ reason }, 'a stale connection was removed')
    connection.terminate()
    this.#node.remove(connection)
    this.#count(reason, 1)
  }

  #count (reason: keyof Swept, found: number): void {
    this.#swept = { ...this.#swept, [reason]: this.#swept[reason] + found }
  }
}
