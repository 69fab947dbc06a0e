import { randomUUID } from 'node:crypto'
import type { Cluster, Redis } from 'ioredis'
import { clusterTimings } from '../../../lib/cluster/timings.ts'
import type { Append } from '../../../lib/cluster/history.ts'
import { MemoryHub } from '../../../lib/memory/memory-hub.ts'
import { StoredHistory, type StoredAppend } from '../../../lib/memory/stored-history.ts'
import { Keys } from '../../../lib/redis/keys.ts'

/** The storage of the adapters. A test can replace or delete the history of a channel in it. */
export interface HistoryStorage<S> {
  /** Saves the history as it is now. */
  save (channel: string): Promise<S> | S
  /** Restores a saved history. */
  restore (channel: string, saved: S): Promise<void> | void
  /** Deletes the history. */
  erase (channel: string): Promise<void> | void
}

/** Restores keys as they are on a promoted replica that has not received the newest writes. */
export class RedisHistoryStorage implements HistoryStorage<Array<Buffer | null>> {
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

interface SavedHistory { readonly appends: readonly Append[], readonly randomValues: readonly string[] }

/** Restores a history by repeating its appends with the same random values. */
export class LossyHub extends MemoryHub implements HistoryStorage<SavedHistory> {
  readonly #own = new Map<string, RepeatableHistory>()

  override historyOf (channel: string): RepeatableHistory {
    const history = this.#own.get(channel) ?? new RepeatableHistory({ appends: [], randomValues: [] })
    this.#own.set(channel, history)
    return history
  }

  override hasHistory (channel: string): boolean {
    return this.#own.has(channel)
  }

  save (channel: string): SavedHistory {
    return this.historyOf(channel).saved
  }

  restore (channel: string, saved: SavedHistory): void {
    this.#own.set(channel, new RepeatableHistory(saved))
  }

  erase (channel: string): void {
    this.#own.delete(channel)
  }
}

class RepeatableHistory extends StoredHistory {
  readonly #appends: Append[] = []
  readonly #randomValues: readonly string[]

  constructor ({ appends, randomValues }: SavedHistory) {
    const drawn: string[] = []
    super(() => 0, () => {
      drawn.push(randomValues[drawn.length] ?? randomUUID())
      return drawn.at(-1) as string
    }, clusterTimings)
    this.#randomValues = drawn
    for (const append of appends) this.append(append)
  }

  get saved (): SavedHistory {
    return { appends: [...this.#appends], randomValues: [...this.#randomValues] }
  }

  override append (append: Append): StoredAppend {
    const outcome = super.append(append)
    if (outcome.outcome === 'appended') this.#appends.push(append)
    return outcome
  }
}
