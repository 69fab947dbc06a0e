import type { QuotaOutcome, QuotaPort } from '../../cluster/quota.ts'
import type { HubAccess } from '../hub-access.ts'
import type { Restoring } from '../hub-ports.ts'

/** Counts the connections of each user on the hub. This node keeps its own ones, for the next hub. */
export class LocalQuota implements QuotaPort {
  readonly #access: HubAccess
  /** The users of this node's connections. */
  readonly #held = new Map<string, string>()

  constructor (access: HubAccess) {
    this.#access = access
  }

  /** When it rejects, the connection counts all the same, because its user is let in. */
  async acquire (userId: string, connectionId: string, limit: number): Promise<QuotaOutcome> {
    this.#held.set(connectionId, userId)
    const outcome = await this.#access.ask(async ({ quota }) => quota.acquire(userId, connectionId, limit))
    if (!outcome.granted) this.#held.delete(connectionId)
    return outcome
  }

  check (userId: string, limit: number): Promise<QuotaOutcome> {
    return this.#access.ask(async ({ quota }) => quota.check(userId, limit))
  }

  async release (userId: string, connectionId: string): Promise<void> {
    this.#held.delete(connectionId)
    await this.#access.tell(({ quota }) => quota.release(userId, connectionId))
  }

  /** These connections were let in, so they count whatever the limit. */
  * restore (): Iterable<Restoring> {
    for (const [connectionId, userId] of this.#held) {
      yield async ({ quota }) => quota.acquire(userId, connectionId, Infinity)
    }
  }
}
