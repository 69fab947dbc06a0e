import { randomUUID } from 'node:crypto'
import type { Cluster, Redis } from 'ioredis'
import { clusterTimings } from '../../../lib/cluster/timings.ts'
import type { Append } from '../../../lib/cluster/history.ts'
import { MemoryHub } from '../../../lib/memory/memory-hub.ts'
import { StoredHistory, type StoredAppend } from '../../../lib/memory/stored-history.ts'
import { Keys } from '../../../lib/redis/keys.ts'

/** The storage beneath the adapters, which a test can make lose the history of a channel. */
export interface Beneath<S> {
  /** Saves the history as it is now. */
  save (channel: string): Promise<S> | S
  /** Restores a saved history. */
  restore (channel: string, saved: S): Promise<void> | void
  /** Deletes the history. */
  erase (channel: string): Promise<void> | void
}

/** Restores keys as a replica has them that took over without the newest writes. */
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
    return this.#keys.ofHistory(channel)
  }
}

interface History { readonly appends: readonly Append[], readonly chance: readonly string[] }

/** Restores a history by repeating its appends with the same random values. */
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
