import { randomUUID } from 'node:crypto'
import type { Cluster, Redis } from 'ioredis'
import { clusterTimings } from '../../../lib/cluster/timings.ts'
import type { Append } from '../../../lib/cluster/history.ts'
import { MemoryHub } from '../../../lib/memory/memory-hub.ts'
import { StoredHistory, type StoredAppend } from '../../../lib/memory/stored-history.ts'
import { Keys } from '../../../lib/redis/keys.ts'

/** What is beneath the adapters, and can be made to lose a channel's log. */
export interface Beneath<S> {
  /** What the log is now. */
  save (channel: string): Promise<S> | S
  /** It is again what it was. */
  restore (channel: string, saved: S): Promise<void> | void
  /** There never was one. */
  erase (channel: string): Promise<void> | void
}

/** As a Redis is whose replica took over without the newest writes: the keys are what they were. */
export class RedisBeneath implements Beneath<Array<Buffer | null>> {
  readonly #client: Redis | Cluster
  readonly #keys: Keys

  constructor (client: Redis | Cluster, prefix: string) {
    this.#client = client
    this.#keys = new Keys(prefix)
  }

  save (channel: string): Promise<Array<Buffer | null>> {
    return Promise.all(this.#names(channel).map((name) => this.#client.dumpBuffer(name)))
  }

  async restore (channel: string, saved: ReadonlyArray<Buffer | null>): Promise<void> {
    await this.erase(channel)
    await Promise.all(this.#names(channel).map((name, i) => saved[i] && this.#client.restore(name, 0, saved[i])))
  }

  async erase (channel: string): Promise<void> {
    await this.#client.del(...this.#names(channel))
  }

  #names (channel: string): string[] {
    return ['log', 'stream', 'ids0', 'ids1'].map((part) => this.#keys.ofChannel(channel, part))
  }
}

interface History { readonly appends: readonly Append[], readonly chance: readonly string[] }

/** A process cannot lose a part of its memory: its log is made anew, up to where it is to be, with the same chance. */
export class LossyHub extends MemoryHub implements Beneath<History> {
  readonly #own = new Map<string, RepeatableLog>()

  override historyOf (channel: string): RepeatableLog {
    const log = this.#own.get(channel) ?? new RepeatableLog({ appends: [], chance: [] })
    this.#own.set(channel, log)
    return log
  }

  override hasHistory (channel: string): boolean {
    return this.#own.has(channel)
  }

  save (channel: string): History {
    return this.historyOf(channel).history
  }

  restore (channel: string, history: History): void {
    this.#own.set(channel, new RepeatableLog(history))
  }

  erase (channel: string): void {
    this.#own.delete(channel)
  }
}

class RepeatableLog extends StoredHistory {
  readonly #appends: Append[] = []
  readonly #chance: readonly string[]

  constructor ({ appends, chance }: History) {
    const drawn: string[] = []
    super(() => 0, () => {
      drawn.push(chance[drawn.length] ?? randomUUID())
      return drawn.at(-1) as string
    }, clusterTimings)
    this.#chance = drawn
    for (const append of appends) this.append(append)
  }

  get history (): History {
    return { appends: [...this.#appends], chance: [...this.#chance] }
  }

  override append (append: Append): StoredAppend {
    const outcome = super.append(append)
    if (outcome.outcome === 'appended') this.#appends.push(append)
    return outcome
  }
}
