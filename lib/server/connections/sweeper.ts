import type { Clock, Timer } from '../../clock.ts'
import type { Connection } from '../../connection/connection.ts'
import type { Rooms } from '../../rooms/rooms.ts'
import type { LiveConnections } from './live-connections.ts'

/** Rare, because a sweep finds something only after a defect elsewhere. */
const sweepIntervalMs = 60_000

/** How many stale entries were removed, by what was wrong with them. */
export interface Swept {
  /** Connections whose socket was closed without an event. */
  readonly closed: number
  /** Connections that the heartbeat did not watch, so that a dead one would never be noticed. */
  readonly unwatched: number
  /** Sessions and members of rooms without a connection. */
  readonly orphaned: number
}

export interface SweeperDeps {
  readonly clock: Clock
  readonly connections: LiveConnections
  readonly rooms: Rooms
  /** Tables whose entries expire. */
  readonly expiring: ReadonlyArray<{ sweep (): void }>
}

/**
 * Removes stale entries. Every entry is removed when its connection ends, so a stale connection means a defect, and is
 * logged as a warning.
 */
export class Sweeper {
  readonly #deps: SweeperDeps
  #timer: Timer
  #swept: Swept = { closed: 0, unwatched: 0, orphaned: 0 }

  constructor (deps: SweeperDeps) {
    this.#deps = deps
  }

  /** Counted since the start. */
  get swept (): Swept {
    return this.#swept
  }

  start (): void {
    this.#timer = this.#deps.clock.setTimeout(() => {
      this.start()
      this.#sweep()
    }, sweepIntervalMs)
  }

  stop (): void {
    this.#deps.clock.clearTimeout(this.#timer)
  }

  #sweep (): void {
    const { connections, rooms, expiring } = this.#deps
    for (const connection of connections.registry.all()) {
      if (connection.isSocketClosed) this.#remove(connection, 'closed')
      else if (!connections.heartbeat.watches(connection)) this.#remove(connection, 'unwatched')
    }
    this.#count('orphaned', connections.removeOrphans())
    this.#count('orphaned', rooms.removeMembers(({ id }) => !connections.registry.get(id)))
    for (const table of expiring) table.sweep()
  }

  #remove (connection: Connection, reason: keyof Swept): void {
    connection.log.warn({ reason }, 'a stale connection was removed')
    connection.terminate()
    this.#deps.connections.remove(connection)
    this.#count(reason, 1)
  }

  #count (reason: keyof Swept, found: number): void {
    this.#swept = { ...this.#swept, [reason]: this.#swept[reason] + found }
  }
}
