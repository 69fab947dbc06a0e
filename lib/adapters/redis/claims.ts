import type { Claim, Claimed, Effect } from '../adapter.ts'
import { script } from './commands.ts'
import type { Surroundings } from './surroundings.ts'

const claimScript = script('claim')
const finishScript = script('finish')
const releaseScript = script('release')

/** Milliseconds that a claim lasts unless it is renewed, and that its reply is known. */
const lasts = 10_000
const remembered = 120_000

/** Who handles which `once` message. */
export class RedisClaims {
  readonly #around: Surroundings

  constructor (around: Surroundings) {
    this.#around = around
  }

  async claim (channel: string, claim: Claim): Promise<Claimed> {
    const [outcome, reply = ''] = await this.#around.commands.run(claimScript, [this.#key(channel, claim)], [claim.hash, claim.owner, lasts]) as string[]
    return outcome === 'done' ? { outcome, reply } : { outcome: outcome as 'claimed' | 'running' | 'conflict' }
  }

  async finish (channel: string, claim: Claim, reply: string, effects: readonly Effect[]): Promise<{ outcome: 'lost' } | { outcome: 'done', reply: string }> {
    const keys = [this.#key(channel, claim), this.#around.keys.ofChannel(channel, 'ids0'), this.#around.keys.ofChannel(channel, 'ids1')]
    const args = [claim.hash, claim.owner, reply, remembered, ...effects.flatMap(({ id, link }) => [id, link])]
    const [outcome, first = ''] = await this.#around.commands.run(finishScript, keys, args) as string[]
    return outcome === 'lost' ? { outcome } : { outcome: 'done', reply: first }
  }

  async release (channel: string, claim: Claim): Promise<void> {
    await this.#around.commands.run(releaseScript, [this.#key(channel, claim)], [claim.owner])
  }

  #key (channel: string, { id }: Claim): string {
    return this.#around.keys.ofChannel(channel, `claim:${id}`)
  }
}
