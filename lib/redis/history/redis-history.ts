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
import { clearScript } from './clear-script.ts'
import { positionScript, readBeforeScript, readScript } from './read-scripts.ts'
import { Replicas } from './replicas.ts'
import { entryOf, partsOf, positionOf, readOf, whenSlowOf, type Reply } from './replies.ts'

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

  /** Reports a published entry. @throws {TypeError | SyntaxError} when it is malformed */
  receiveEntry (channel: string, body: Buffer): void {
    const end = body.indexOf(0x0a)
    const head: unknown = JSON.parse(body.toString('utf8', 0, end))
    if (!isHead(head)) throw new TypeError('a history entry without its head')
    const [epoch, offset, id, hash, prev, slow, length] = head
    const encoded = body.subarray(end + 1, end + 1 + Number(length))
    if (encoded.length < 2 || encoded.length !== Number(length)) throw new TypeError('a history entry is cut off')
    const snapshot = body.toString('utf8', end + 1 + encoded.length)
    const entry = { offset: Number(offset), id, hash, prev, encoded, whenSlow: whenSlowOf(slow) }
    this.#deps.events.entryAppended(channel, epoch, entry, snapshot === '' ? undefined : snapshot)
  }
}

type Head = readonly [
  epoch: string, offset: string, id: string, hash: string, prev: string, slow: string, length: string
]

function isHead (value: unknown): value is Head {
  return Array.isArray(value) && value.length === 7 && value.every((part) => typeof part === 'string') &&
    Number.isSafeInteger(Number(value[1])) && Number.isSafeInteger(Number(value[6]))
}
