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

  async claim (channel: string, claim: IdempotencyClaim): Promise<ClaimOutcome> {
    this.#hub.sweepLater()
    return this.#hub.claims.claim(channel, claim)
  }

  async finish (
    channel: string, claim: IdempotencyClaim, reply: string, entries: readonly AppendedEntry[]
  ): Promise<FinishOutcome> {
    const first = this.#hub.claims.replyTo(channel, claim)
    if (first !== undefined) return { outcome: 'done', reply: first }
    if (!entries.every((entry) => this.#hub.historyOf(channel).hasAppended(entry))) return { outcome: 'lost' }
    this.#hub.claims.finish(channel, claim, reply)
    return { outcome: 'done', reply }
  }

  async release (channel: string, claim: IdempotencyClaim): Promise<void> {
    this.#hub.claims.release(channel, claim)
  }
}
