import type {
  AppendedEntry, ClaimOutcome, FinishOutcome, IdempotencyClaim, IdempotencyPort
} from '../cluster/idempotency.ts'
import type { MemoryHub, StoredClaim } from './memory-hub.ts'

/** The claims of the hub, checked against its histories. */
export class MemoryIdempotency implements IdempotencyPort {
  readonly #hub: MemoryHub

  constructor (hub: MemoryHub) {
    this.#hub = hub
  }

  async claim (channel: string, { id, contentHash, owner }: IdempotencyClaim): Promise<ClaimOutcome> {
    const known = this.#find(channel, id)
    if (known && known.owner !== owner) {
      if (known.contentHash !== contentHash) return { outcome: 'conflict' }
      return known.reply === undefined ? { outcome: 'running' } : { outcome: 'done', reply: known.reply }
    }
    this.#store(channel, id, { contentHash, owner }, this.#hub.timings.claimTtlMs)
    return { outcome: 'claimed' }
  }

  async finish (
    channel: string, { id, contentHash }: IdempotencyClaim, reply: string, entries: readonly AppendedEntry[]
  ): Promise<FinishOutcome> {
    const first = this.#find(channel, id)?.reply
    if (first !== undefined) return { outcome: 'done', reply: first }
    if (!entries.every((entry) => this.#hub.historyOf(channel).hasAppended(entry))) return { outcome: 'lost' }
    // Without an owner, so that the same attempt that claims again gets the reply as well.
    this.#store(channel, id, { contentHash, reply }, this.#hub.timings.replyTtlMs)
    return { outcome: 'done', reply }
  }

  async release (channel: string, { id, owner }: IdempotencyClaim): Promise<void> {
    if (this.#find(channel, id)?.owner === owner) this.#hub.claims.delete(keyOf(channel, id))
  }

  #find (channel: string, id: string): StoredClaim | undefined {
    const known = this.#hub.claims.get(keyOf(channel, id))
    return known && known.expiresAt > this.#hub.clock.now() ? known : undefined
  }

  #store (channel: string, id: string, claim: Omit<StoredClaim, 'expiresAt'>, ttlMs: number): void {
    this.#hub.claims.set(keyOf(channel, id), { ...claim, expiresAt: this.#hub.clock.now() + ttlMs })
    this.#hub.sweepLater()
  }
}

function keyOf (channel: string, id: string): string {
  return JSON.stringify([channel, id])
}
