import type { Clock } from '../../clock.ts'
import type {
  AppendedEntry, ClaimOutcome, FinishOutcome, IdempotencyClaim, IdempotencyPort
} from '../../cluster/idempotency.ts'
import type { ClusterTimings } from '../../cluster/timings.ts'
import type { HubAccess } from '../hub-access.ts'
import type { Restoring } from '../hub-ports.ts'

/** Bytes of replies that a node keeps for the next hub. Beyond it the oldest are not put back. */
const maxKeptBytes = 8 * 1_048_576

/** A message that was handled on this node. */
interface Handled {
  readonly channel: string
  readonly claim: IdempotencyClaim
  readonly reply: string
  readonly expiresAt: number
}

/** The claims of the hub. This node keeps the replies of the messages that it handled, for the next hub. */
export class LocalIdempotency implements IdempotencyPort {
  readonly #access: HubAccess
  readonly #clock: Clock
  readonly #timings: ClusterTimings
  /** In the order of their expiry. */
  readonly #handled = new Set<Handled>()
  #bytes = 0

  constructor (access: HubAccess, clock: Clock, timings: ClusterTimings) {
    this.#access = access
    this.#clock = clock
    this.#timings = timings
  }

  claim (channel: string, claim: IdempotencyClaim): Promise<ClaimOutcome> {
    return this.#access.ask(({ idempotency }) => idempotency.claim(channel, claim))
  }

  async finish (
    channel: string, claim: IdempotencyClaim, reply: string, entries: readonly AppendedEntry[]
  ): Promise<FinishOutcome> {
    const outcome = await this.#access.ask(({ idempotency }) => idempotency.finish(channel, claim, reply, entries))
    if (outcome.outcome === 'done') this.#keep(channel, claim, outcome.reply)
    return outcome
  }

  release (channel: string, claim: IdempotencyClaim): Promise<void> {
    return this.#access.ask(({ idempotency }) => idempotency.release(channel, claim))
  }

  * restore (): Iterable<Restoring> {
    this.#forget()
    for (const { channel, claim, reply } of this.#handled) {
      yield ({ idempotency }) => idempotency.finish(channel, claim, reply, [])
    }
  }

  #keep (channel: string, claim: IdempotencyClaim, reply: string): void {
    const handled = { channel, claim, reply, expiresAt: this.#clock.now() + this.#timings.replyTtlMs }
    this.#handled.add(handled)
    this.#bytes += bytesOf(handled)
    this.#forget()
  }

  /** Forgets what has expired, and the oldest beyond the bound. */
  #forget (): void {
    const now = this.#clock.now()
    for (const handled of this.#handled) {
      if (handled.expiresAt > now && this.#bytes <= maxKeptBytes) break
      this.#handled.delete(handled)
      this.#bytes -= bytesOf(handled)
    }
  }
}

/** About what it takes in memory: the texts, and 200 bytes for what holds them. */
function bytesOf ({ channel, claim, reply }: Handled): number {
  return channel.length + claim.id.length + claim.contentHash.length + reply.length + 200
}
