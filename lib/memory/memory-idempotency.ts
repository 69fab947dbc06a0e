import type {
  AppendedEntry, ClaimOutcome, FinishOutcome, IdempotencyClaim, IdempotencyPort
} from '../cluster/idempotency.ts'
import type { MemoryHub } from './memory-hub.ts'

/** The claims of the hub, checked against its histories. */
export class MemoryIdempotency implements IdempotencyPort {
  readonly #hub: MemoryHub

  constructor (hub: MemoryHub) {
    this.#hub = hub
  }

  async claim (channel: string, { id, contentHash, owner }: IdempotencyClaim): Promise<ClaimOutcome> {
    const { claims, replies, timings } = this.#hub
    const key = keyOf(channel, id)
    const handled = this.#current(replies.get(key))
    const running = this.#current(claims.get(key))
    const known = handled ?? (running?.owner === owner ? undefined : running)
    if (known && known.contentHash !== contentHash) return { outcome: 'conflict' }
    if (handled) return { outcome: 'done', reply: handled.reply }
    const appended = this.#hub.appendedBy(channel, id)
    if (known) return { outcome: 'running', appended }
    this.#store(claims, key, { contentHash, owner, expiresAt: this.#hub.clock.now() + timings.claimTtlMs })
    return { outcome: 'claimed', appended }
  }

  async finish (
    channel: string, { id, contentHash }: IdempotencyClaim, reply: string, entries: readonly AppendedEntry[]
  ): Promise<FinishOutcome> {
    const { claims, replies, timings } = this.#hub
    const key = keyOf(channel, id)
    const first = this.#current(replies.get(key))
    if (first) return { outcome: 'done', reply: first.reply }
    if (!entries.every((entry) => this.#hub.historyOf(channel).hasAppended(entry))) return { outcome: 'lost' }
    claims.delete(key)
    this.#store(replies, key, { contentHash, reply, expiresAt: this.#hub.clock.now() + timings.replyTtlMs })
    return { outcome: 'done', reply }
  }

  async release (channel: string, { id, owner }: IdempotencyClaim): Promise<void> {
    const { claims } = this.#hub
    const key = keyOf(channel, id)
    if (claims.get(key)?.owner === owner) claims.delete(key)
  }

  #current<T extends { readonly expiresAt: number }> (stored: T | undefined): T | undefined {
    return stored && stored.expiresAt > this.#hub.clock.now() ? stored : undefined
  }

  /** All values of one map live equally long, so the order of storing is that of expiry. */
  #store<T> (map: Map<string, T>, key: string, value: T): void {
    map.delete(key)
    map.set(key, value)
    this.#hub.deleteExpired()
    this.#hub.sweepLater()
  }
}

function keyOf (channel: string, id: string): string {
  return JSON.stringify([channel, id])
}
