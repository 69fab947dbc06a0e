import type { Durability } from '../../cluster/history.ts'
import type { AppendedEntry } from '../../cluster/idempotency.ts'
import type { Connections } from '../connections.ts'
import type { RedisDeps } from '../redis-deps.ts'
import { RedisUnavailable } from '../script-runner.ts'
import { ReplicaWait } from './replica-wait.ts'

type ReplicasDeps = Pick<RedisDeps, 'clock' | 'log' | 'keys'>
type Masters = Pick<Connections, 'masters' | 'masterOf' | 'waiter'>

/** The replicas of each master. There is one connection for each master and durability that is in use. */
export class Replicas {
  readonly #deps: ReplicasDeps
  readonly #connections: Masters
  readonly #waits = new Map<string, Map<string, ReplicaWait>>()

  constructor (deps: ReplicasDeps, connections: Masters) {
    this.#deps = deps
    this.#connections = connections
  }

  /** As `HistoryPort.confirm`. */
  async confirm (channel: string, entries: readonly AppendedEntry[], durability: Durability): Promise<boolean> {
    const [, , ...dedupe] = this.#deps.keys.ofHistory(channel)
    const master = this.#connections.masterOf(dedupe[0] as string)
    if (master === undefined) throw new RedisUnavailable('no master of the Redis Cluster is known')
    const args = entries.flatMap(({ id, hash }) => [id, hash])
    return this.#waitAt(master, durability).confirm(dedupe, args)
  }

  /** Connects again: the addresses may lead to other servers by now. */
  reconnect (): void {
    for (const wait of this.#all()) wait.reconnect()
  }

  close (): void {
    for (const wait of this.#all()) wait.close()
    this.#waits.clear()
  }

  #waitAt (master: string, durability: Durability): ReplicaWait {
    const { replicas, timeoutMs } = durability
    const waits = this.#waits.get(master) ?? this.#add(master)
    const key = `${String(replicas)} ${timeoutMs}`
    const known = waits.get(key)
    if (known) return known
    const redis = this.#connections.waiter(master, timeoutMs)
    const { clock, log } = this.#deps
    const wait = new ReplicaWait({ redis, clock, log, replicas, timeoutMs })
    waits.set(key, wait)
    return wait
  }

  /** Masters that are none any more are let go, because a failover adds one. */
  #add (master: string): Map<string, ReplicaWait> {
    const masters = this.#connections.masters()
    for (const [name, waits] of [...this.#waits].filter(([name]) => !masters.includes(name))) {
      for (const wait of waits.values()) wait.close()
      this.#waits.delete(name)
    }
    const waits = new Map<string, ReplicaWait>()
    this.#waits.set(master, waits)
    return waits
  }

  #all (): ReplicaWait[] {
    return [...this.#waits.values()].flatMap((waits) => [...waits.values()])
  }
}
