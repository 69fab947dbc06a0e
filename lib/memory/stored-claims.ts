import type { ClaimOutcome, IdempotencyClaim } from '../cluster/idempotency.ts'

/** Milliseconds that a claim lasts unless it is renewed. */
const claimTtlMs = 10_000
/** Milliseconds that a reply is remembered. */
const replyTtlMs = 120_000

interface StoredClaim {
  readonly contentHash: string
  readonly owner?: string
  readonly reply?: string
  /** Milliseconds since 1970. */
  readonly until: number
}

/** The idempotency claims of all channels, and the replies of finished messages. */
export class StoredClaims {
  readonly #now: () => number
  readonly #claims = new Map<string, StoredClaim>()

  constructor (now: () => number) {
    this.#now = now
  }

  /** How many are stored, expired ones included until the next sweep. */
  get size (): number {
    return this.#claims.size
  }

  claim (channel: string, { id, contentHash, owner }: IdempotencyClaim): ClaimOutcome {
    const known = this.#find(channel, id)
    if (known && known.owner !== owner) {
      if (known.contentHash !== contentHash) return { outcome: 'conflict' }
      return known.reply === undefined ? { outcome: 'running' } : { outcome: 'done', reply: known.reply }
    }
    this.#claims.set(keyOf(channel, id), { contentHash, owner, until: this.#now() + claimTtlMs })
    return { outcome: 'claimed' }
  }

  replyTo (channel: string, { id }: IdempotencyClaim): string | undefined {
    return this.#find(channel, id)?.reply
  }

  /** Stores the reply. The claim has no owner from now on. */
  finish (channel: string, { id, contentHash }: IdempotencyClaim, reply: string): void {
    this.#claims.set(keyOf(channel, id), { contentHash, reply, until: this.#now() + replyTtlMs })
  }

  release (channel: string, { id, owner }: IdempotencyClaim): void {
    if (this.#find(channel, id)?.owner === owner) this.#claims.delete(keyOf(channel, id))
  }

  sweep (): void {
    for (const [key, { until }] of this.#claims) if (until <= this.#now()) this.#claims.delete(key)
  }

  #find (channel: string, id: string): StoredClaim | undefined {
    const known = this.#claims.get(keyOf(channel, id))
    return known && known.until > this.#now() ? known : undefined
  }
}

function keyOf (channel: string, id: string): string {
  return JSON.stringify([channel, id])
}
