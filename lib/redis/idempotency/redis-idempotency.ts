import type { AppendedEntry, ClaimOutcome, IdempotencyClaim } from '../../cluster/idempotency.ts'
import type { RedisDeps } from '../redis-deps.ts'
import { claimScript } from './claim-script.ts'
import { finishScript } from './finish-script.ts'
import { releaseScript } from './release-script.ts'


/** Milliseconds that a claim lasts unless it is renewed, and that its reply is known. */
const lasts = 10_000
const remembered = 120_000

/** Who handles which `once` message. */
export class RedisIdempotency {
  readonly #around: RedisDeps

  constructor (around: RedisDeps) {
    this.#around = around
  }

  async claim (channel: string, claim: IdempotencyClaim): Promise<ClaimOutcome> {
    const [outcome, reply = ''] = await this.#around.commands.run(claimScript, [this.#key(channel, claim)], [claim.contentHash, claim.owner, lasts]) as string[]
    return outcome === 'done' ? { outcome, reply } : { outcome: outcome as 'claimed' | 'running' | 'conflict' }
  }

  async finish (channel: string, claim: IdempotencyClaim, reply: string, effects: readonly AppendedEntry[]): Promise<{ outcome: 'lost' } | { outcome: 'done', reply: string }> {
    const keys = [this.#key(channel, claim), this.#around.keys.ofChannel(channel, 'ids0'), this.#around.keys.ofChannel(channel, 'ids1')]
    const args = [claim.contentHash, claim.owner, reply, remembered, ...effects.flatMap(({ id, hash }) => [id, hash])]
    const [outcome, first = ''] = await this.#around.commands.run(finishScript, keys, args) as string[]
    return outcome === 'lost' ? { outcome } : { outcome: 'done', reply: first }
  }

  async release (channel: string, claim: IdempotencyClaim): Promise<void> {
    await this.#around.commands.run(releaseScript, [this.#key(channel, claim)], [claim.owner])
  }

  #key (channel: string, { id }: IdempotencyClaim): string {
    return this.#around.keys.ofChannel(channel, `claim:${id}`)
  }
}
