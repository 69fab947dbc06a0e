import { historyBound, historyPageBound } from '../../cluster/history-bound.ts'
import type {
  Append, AppendOutcome, Durability, HistoryPageRead, HistoryPort, HistoryRead
} from '../../cluster/history.ts'
import type { AppendedEntry } from '../../cluster/idempotency.ts'
import type { Position } from '../../protocol/position.ts'
import { newEpoch } from '../epoch.ts'
import type { Connections } from '../connections.ts'
import type { RedisDeps } from '../redis-deps.ts'
import { AppendBatches } from './append-batches.ts'
import { readSeveral, readSingle, type PublishedEntries } from './published-entries.ts'
import { clearScript, positionScript, readBeforeScript, readScript } from './history-scripts.ts'
import { Replicas } from './replicas.ts'
import { entryOf, partsOf, positionOf, readOf, type Reply } from './replies.ts'

/** Histories: each a meta hash, a stream and two dedupe hashes, in one slot with the channel's pub/sub. */
export class RedisHistory implements HistoryPort {
  readonly replicas: Replicas
  readonly #deps: RedisDeps
  readonly #appends: AppendBatches

  constructor (deps: RedisDeps, connections: Connections) {
    this.#deps = deps
    this.#appends = new AppendBatches(deps)
    this.replicas = new Replicas(deps, connections)
  }

  append (channel: string, append: Append): Promise<AppendOutcome> {
    return this.#appends.append(channel, append)
  }

  confirm (channel: string, entries: readonly AppendedEntry[], durability: Durability): Promise<boolean> {
    return this.replicas.confirm(channel, entries, durability)
  }

  async read (channel: string, since?: Position): Promise<HistoryRead> {
    const { scripts, keys, random, timings } = this.#deps
    const { entries, bytes } = historyBound
    const args = [newEpoch(random), timings.dedupeWindowMs, entries, bytes, ...partsOf(since)]
    return readOf(await scripts.run(readScript, keys.ofHistory(channel), args) as unknown[])
  }

  async readBefore (channel: string, before: number | undefined, limit: number): Promise<HistoryPageRead> {
    const { scripts, keys, random, timings } = this.#deps
    const args = [newEpoch(random), timings.dedupeWindowMs, limit, historyPageBound.bytes, before ?? '']
    const [epoch, offset, hash, hasMore, entries] =
      await scripts.run(readBeforeScript, keys.ofHistory(channel), args) as unknown[]
    return {
      position: positionOf([epoch, offset, hash] as Buffer[]),
      entries: (entries as Reply[]).map(entryOf),
      hasMore: String(hasMore) === '1'
    }
  }

  async clear (channel: string): Promise<void> {
    const { scripts, keys, random, timings } = this.#deps
    await scripts.run(clearScript, keys.ofHistory(channel), [newEpoch(random), timings.dedupeWindowMs])
  }

  positions (channels: readonly string[]): Promise<Array<Position | undefined>> {
    const { scripts, keys } = this.#deps
    return Promise.all(channels.map(async (channel) => {
      const found = await scripts.run(positionScript, keys.ofHistory(channel).slice(0, 1), []) as string[]
      return found.length === 0 ? undefined : positionOf(found)
    }))
  }

  /** Reports one published entry. @throws {TypeError | SyntaxError} when it is malformed */
  receiveEntry (channel: string, body: Buffer): void {
    this.#report(channel, readSingle(body))
  }

  /** Reports the entries that one script has published. @throws {TypeError | SyntaxError} when they are malformed */
  receiveEntries (channel: string, body: Buffer): void {
    this.#report(channel, readSeveral(body))
  }

  #report (channel: string, { epoch, entries }: PublishedEntries): void {
    this.#deps.events.entriesAppended(channel, epoch, entries)
  }
}
