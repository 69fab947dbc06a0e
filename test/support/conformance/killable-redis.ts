import type { Cluster, Redis } from 'ioredis'
import { systemClock, type Clock } from '../../../lib/clock.ts'

/**
 * A client and a clock for one Redis adapter. `kill` stops the adapter as a crash stops a process: its connections for
 * commands are closed and its timers do not fire, so it writes nothing more and does not renew its lease.
 */
export class KillableRedis {
  readonly client: Redis | Cluster
  readonly clock: Clock
  readonly #connections: Array<Redis | Cluster> = []
  #isKilled = false

  constructor (client: Redis | Cluster) {
    const duplicate = (...args: never[]) => {
      const connection = (client.duplicate as (...args: never[]) => Redis | Cluster).apply(client, args)
      this.#connections.push(connection)
      return connection
    }
    this.client = Object.create(client, { duplicate: { value: duplicate } }) as Redis | Cluster
    this.clock = {
      ...systemClock,
      setTimeout: (fn, ms) => {
        const call = () => { if (!this.#isKilled) fn() }
        // Nothing else keeps the process alive while a test waits for a short timer.
        return ms <= 3_000 ? setTimeout(call, ms) : systemClock.setTimeout(call, ms)
      }
    }
  }

  kill (): void {
    this.#isKilled = true
    for (const connection of this.#connections) connection.disconnect()
  }
}
