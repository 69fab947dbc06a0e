import type { Lease } from '../cluster/lease.ts'
import type { RedisDeps } from '../redis-deps.ts'
import { defineScript } from '../script-runner.ts'
import type { Versions } from './change-batches.ts'

const indexChannelScript = defineScript('index-channel', String.raw`
-- Adds a channel to the index of an incarnation, or removes it.
-- KEYS: live leases, the index (hash: channel -> version). ARGV: incarnation, channel, version, '+' or '-'
-- Returns 'done', or 'dead' instead of adding to an index that no node would sweep any more.
local known = tonumber(redis.call('HGET', KEYS[2], ARGV[2]) or '0')
if ARGV[4] == '-' then
  if known < tonumber(ARGV[3]) then redis.call('HDEL', KEYS[2], ARGV[2]) end
  return 'done'
end
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 'dead' end
if known < tonumber(ARGV[3]) then redis.call('HSET', KEYS[2], ARGV[2], ARGV[3]) end
return 'done'
`)

const indexedChannelsScript = defineScript('indexed-channels', String.raw`
-- KEYS: the index of an incarnation. Returns its channels.
return redis.call('HKEYS', KEYS[1])
`)

const forgetIncarnationScript = defineScript('forget-incarnation', String.raw`
-- A dead incarnation is swept. KEYS: dead, nodes (see cluster/renew-script.ts), its index. ARGV: incarnation
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('DEL', KEYS[3])
return 1
`)

/**
 * The channels in which an incarnation has presence entries or takes care of grace periods. Another node sweeps them
 * after its end, so a channel is added before the first entry and removed after the last entry and grace period.
 */
export class PresenceIndex {
  readonly #deps: RedisDeps
  readonly #lease: Lease
  readonly #versions: Versions
  /** The channels that may be in the index. */
  #channels = new Set<string>()
  /** Those that are in it for certain. */
  #added = new Set<string>()

  constructor (deps: RedisDeps, lease: Lease, versions: Versions) {
    this.#deps = deps
    this.#lease = lease
    this.#versions = versions
  }

  /** The channels that were added under this incarnation, also those whose addition failed. */
  get channels (): readonly string[] {
    return [...this.#channels]
  }

  /** A new incarnation has an empty index. */
  reset (): void {
    this.#channels = new Set()
    this.#added = new Set()
  }

  /** Redis may have lost the channel: it is added again before the next change. */
  distrust (channel: string): void {
    this.#added.delete(channel)
  }

  /** Whether the channel is in the index now; it cannot be added once the incarnation is dead. */
  async add (incarnation: string, channel: string): Promise<boolean> {
    // The set of this incarnation, even if a new one begins meanwhile.
    const added = this.#added
    if (added.has(channel)) return true
    this.#channels.add(channel)
    if (await this.#write(incarnation, channel, '+') === 'dead') return false
    added.add(channel)
    return true
  }

  async remove (channel: string): Promise<void> {
    this.#channels.delete(channel)
    this.#added.delete(channel)
    await this.#write(this.#lease.incarnation, channel, '-')
  }

  /** The channels in the index of a dead incarnation. */
  async channelsOf (incarnation: string): Promise<string[]> {
    const { scripts, keys } = this.#deps
    return await scripts.run(indexedChannelsScript, [keys.indexOf(incarnation)], []) as string[]
  }

  /** Deletes everything about a dead incarnation, once all of its channels are swept. */
  async forgetIncarnation (incarnation: string): Promise<void> {
    const { scripts, keys } = this.#deps
    const names = [keys.shared('dead'), keys.shared('nodes'), keys.indexOf(incarnation)]
    await scripts.run(forgetIncarnationScript, names, [incarnation])
  }

  #write (incarnation: string, channel: string, sign: '+' | '-'): Promise<unknown> {
    const { scripts, keys } = this.#deps
    const names = [keys.shared('live'), keys.indexOf(incarnation)]
    return scripts.run(indexChannelScript, names, [incarnation, channel, this.#versions.next(), sign])
  }
}
