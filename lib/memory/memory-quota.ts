import type { QuotaOutcome } from '../cluster/adapter.ts'

/** Milliseconds: nobody knows when a place becomes free. */
const retryAfter = 5_000

/** Who holds a place, by user. */
export class MemoryQuota {
  readonly #taken = new Map<string, Set<string>>()

  reserve (user: string, connection: string, limit: number): QuotaOutcome {
    const taken = this.#taken.get(user) ?? new Set()
    if (taken.size >= limit && !taken.has(connection)) return { granted: false, retryAfter }
    this.#taken.set(user, taken.add(connection))
    return { granted: true }
  }

  free (user: string, connection: string): void {
    const taken = this.#taken.get(user)
    taken?.delete(connection)
    if (taken?.size === 0) this.#taken.delete(user)
  }
}
