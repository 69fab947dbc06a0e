import type { Lease } from '../cluster/lease.ts'
import type { RedisDeps } from '../redis-deps.ts'
import type { Versions } from './versions.ts'
import { indexChannelScript } from './index-channel-script.ts'


/** Which channels this incarnation has claims in, for whoever sweeps after it: what is not named here nobody would sweep. */
export class PresenceIndex {
  readonly #around: RedisDeps
  readonly #lease: Lease
  readonly #versions: Versions
  #named = new Set<string>()

  constructor (around: RedisDeps, lease: Lease, versions: Versions) {
    this.#around = around
    this.#lease = lease
    this.#versions = versions
  }

  /** Under a new incarnation nothing is named. */
  reset (): void {
    this.#named = new Set()
  }

  /** Redis may have lost the name: it is said again before the next change. */
  doubt (channel: string): void {
    this.#named.delete(channel)
  }

  /** Whether the channel is named now; it cannot be once the incarnation is dead. */
  async add (incarnation: string, channel: string): Promise<boolean> {
    // Of the incarnation that it is added for, though another one begins meanwhile.
    const named = this.#named
    if (named.has(channel)) return true
    if (await this.#run(incarnation, channel, '+') === 'dead') return false
    named.add(channel)
    return true
  }

  async remove (channel: string): Promise<void> {
    this.#named.delete(channel)
    await this.#run(this.#lease.incarnation, channel, '-')
  }

  #run (incarnation: string, channel: string, sign: '+' | '-'): Promise<unknown> {
    const keys = [this.#around.keys.shared('live'), this.#lease.indexOf(incarnation)]
    return this.#around.commands.run(indexChannelScript, keys, [incarnation, channel, this.#versions.next(), sign])
  }
}
