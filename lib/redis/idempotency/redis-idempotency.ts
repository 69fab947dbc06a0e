import type {
  AppendedEntry, ClaimOutcome, FinishOutcome, IdempotencyClaim, IdempotencyPort, KnownEntry
} from '../../cluster/idempotency.ts'
import { entryIdOf } from '../../protocol/position.ts'
import type { RedisDeps } from '../redis-deps.ts'
import { claimScript } from './claim-script.ts'
import { finishScript } from './finish-script.ts'
import { releaseScript } from './release-script.ts'

function knownEntry (messageId: string, n: number, epoch: string, entry: string): KnownEntry {
  const [offset, hash] = entry.split(' ') as [string, string]
  return { epoch, offset: Number(offset), hash, id: entryIdOf(messageId, n) }
}

/** Which attempt handles an idempotent message, and the reply once it is handled: one hash per message. */
export class RedisIdempotency implements IdempotencyPort {
  readonly #deps: RedisDeps

  constructor (deps: RedisDeps) {
    this.#deps = deps
  }

  async claim (channel: string, claim: IdempotencyClaim): Promise<ClaimOutcome> {
    const { scripts, keys, timings } = this.#deps
    const [meta, , ...dedupe] = keys.ofHistory(channel)
    const args = [claim.contentHash, claim.owner, timings.claimTtlMs, claim.id]
    const names = [this.#key(channel, claim), meta as string, ...dedupe]
    const [outcome, first = '', ...entries] = await scripts.run(claimScript, names, args) as string[]
    switch (outcome) {
      case 'done': return { outcome, reply: first }
      case 'claimed':
      case 'running': return { outcome, appended: entries.map((entry, n) => knownEntry(claim.id, n, first, entry)) }
      default: return { outcome: 'conflict' }
    }
  }

  async finish (
    channel: string, claim: IdempotencyClaim, reply: string, entries: readonly AppendedEntry[]
  ): Promise<FinishOutcome> {
    const { scripts, keys, timings } = this.#deps
    const [, , ...dedupe] = keys.ofHistory(channel)
    const appended = entries.flatMap(({ id, hash }) => [id, hash])
    const args = [claim.contentHash, claim.owner, reply, timings.replyTtlMs, ...appended]
    const [outcome, first = ''] = await scripts.run(
      finishScript, [this.#key(channel, claim), ...dedupe], args
    ) as string[]
    return outcome === 'lost' ? { outcome } : { outcome: 'done', reply: first }
  }

  async release (channel: string, claim: IdempotencyClaim): Promise<void> {
    await this.#deps.scripts.run(releaseScript, [this.#key(channel, claim)], [claim.owner])
  }

  #key (channel: string, { id }: IdempotencyClaim): string {
    return this.#deps.keys.ofChannel(channel, `claim:${id}`)
  }
}
