import type { QuotaOutcome, QuotaPort } from '../cluster/quota.ts'
import type { MemoryHub } from './memory-hub.ts'

/** Milliseconds until a refused connection should try again. A guess: no node knows when another connection closes. */
const retryAfter = 5_000

/** Counts the connections of each user on the hub. */
export class MemoryQuota implements QuotaPort {
  readonly #hub: MemoryHub
  /** The user of each connection that this node counted. */
  readonly #acquired = new Map<string, string>()

  constructor (hub: MemoryHub) {
    this.#hub = hub
  }

  acquire (userId: string, connectionId: string, limit: number): QuotaOutcome {
    const counted = this.#hub.quotas.get(userId) ?? new Set()
    if (!counted.has(connectionId) && counted.size >= limit) return { granted: false, retryAfter }
    this.#hub.quotas.set(userId, counted.add(connectionId))
    this.#acquired.set(connectionId, userId)
    return { granted: true }
  }

  check (userId: string, limit: number): QuotaOutcome {
    const { size } = this.#hub.quotas.get(userId) ?? { size: 0 }
    return size < limit ? { granted: true } : { granted: false, retryAfter }
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
    const counted = this.#hub.quotas.get(userId)
    counted?.delete(connectionId)
    if (counted?.size === 0) this.#hub.quotas.delete(userId)
  }
}
