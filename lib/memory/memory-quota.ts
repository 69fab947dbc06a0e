import type { QuotaOutcome, QuotaPort } from '../cluster/quota.ts'
import type { MemoryHub } from './memory-hub.ts'

/** Milliseconds until a refused connection should try again. A guess: no node knows when another connection closes. */
const retryAfter = 5_000

/** One object for all connections, because each keeps its answer. */
const granted = { granted: true } as const

/** Counts the connections of each user on the hub. */
export class MemoryQuota implements QuotaPort {
  readonly #hub: MemoryHub
  /** The user of each connection that this node counted. */
  readonly #acquired = new Map<string, string>()

  constructor (hub: MemoryHub) {
    this.#hub = hub
  }

  acquire (userId: string, connectionId: string, limit: number): QuotaOutcome {
    const { quotas } = this.#hub
    if (!quotas.has(userId, connectionId) && quotas.count(userId) >= limit) return { granted: false, retryAfter }
    quotas.add(userId, connectionId)
    this.#acquired.set(connectionId, userId)
    return granted
  }

  check (userId: string, limit: number): QuotaOutcome {
    return this.#hub.quotas.count(userId) < limit ? granted : { granted: false, retryAfter }
  }

  async release (userId: string, connectionId: string): Promise<void> {
    this.#release(userId, connectionId)
  }

  /** Stops counting all connections of this node. */
  releaseAll (): void {
    for (const [connectionId, userId] of this.#acquired) this.#release(userId, connectionId)
  }

  #release (userId: string, connectionId: string): void {
    this.#acquired.delete(connectionId)
    this.#hub.quotas.delete(userId, connectionId)
  }
}
