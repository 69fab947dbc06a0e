import type { AdapterEvents } from '../../cluster/events.ts'
import type { Append, AppendOutcome, HistoryEntry, HistoryRead, Snapshot } from '../../cluster/history.ts'
import type { UnrecoverableReason } from '../../protocol/recoverability.ts'
import type { Position } from '../../protocol/position.ts'
import { newEpoch } from '../epoch.ts'
import type { RedisDeps } from '../redis-deps.ts'
import { appendScript } from './append-script.ts'
import { readScript } from './read-script.ts'
import { positionsScript } from './positions-script.ts'


/** Milliseconds for which an id that was appended is known; also how long a log lives that holds nothing. */
const window = 120_000

/** Milliseconds until an append to a log that is full may be tried again. */
const retryAfter = 1_000

type Raw = ReadonlyArray<Buffer>

/** The logs of channels: each of a meta hash, a stream and two dedupe hashes, which share a slot with the channel's pub/sub. */
export class RedisHistory {
  readonly #around: RedisDeps
  readonly #receiver: Pick<AdapterEvents, 'entryAppended'>

  constructor (around: RedisDeps, receiver: Pick<AdapterEvents, 'entryAppended'>) {
    this.#around = around
    this.#receiver = receiver
  }

  async append (channel: string, append: Append): Promise<AppendOutcome> {
    const { id, encoded, whenSlow, limit, ttl, after, snapshot = '' } = append
    const position = after ? [after.epoch, after.offset, after.hash] : []
    const args = [id, encoded, whenSlow === 'skip' ? 'skip' : '', limit, ttl, newEpoch(this.#around.random), window, snapshot, ...position]
    const [outcome, ...rest] = await this.#around.commands.run(appendScript, [...this.#keys(channel), this.pubsub(channel)], args) as [Buffer, ...unknown[]]
    switch (String(outcome)) {
      case 'behind': return { outcome: 'behind', missed: readOf(rest[0] as unknown[]) }
      case 'full': return { outcome: 'full', retryAfter }
      default: return { outcome: String(outcome) as 'appended' | 'duplicate', position: positionOf(rest as Buffer[]) }
    }
  }

  async read (channel: string, since?: Position): Promise<HistoryRead> {
    const position = since ? [since.epoch, since.offset, since.hash] : []
    return readOf(await this.#around.commands.run(readScript, this.#keys(channel), [newEpoch(this.#around.random), window, ...position]) as unknown[])
  }

  positions (channels: readonly string[]): Promise<Array<Position | undefined>> {
    return Promise.all(channels.map(async (channel) => {
      const found = await this.#around.commands.run(positionsScript, [this.#around.keys.ofChannel(channel, 'log')], []) as string[]
      return found.length === 0 ? undefined : positionOf(found)
    }))
  }

  /** Takes a published entry: a line of JSON, the frame, and the snapshot behind it. @throws {TypeError} when it is malformed */
  take (channel: string, body: Buffer): void {
    const end = body.indexOf(0x0a)
    const head: unknown = JSON.parse(body.toString('utf8', 0, end))
    if (!isHead(head)) throw new TypeError('an entry without a head')
    const [epoch, offset, id, hash, prev, whenSlow, length] = head
    const encoded = body.subarray(end + 1, end + 1 + Number(length))
    if (encoded.length < 2 || encoded.length !== Number(length)) throw new TypeError('an entry is cut off')
    const snapshot = body.toString('utf8', end + 1 + encoded.length)
    const entry = { offset: Number(offset), id, hash, prev, encoded, whenSlow: whenSlow === 'skip' ? 'skip' as const : undefined }
    this.#receiver.entryAppended(channel, epoch, entry, snapshot === '' ? undefined : snapshot)
  }

  pubsub (channel: string): string {
    return this.#around.keys.ofChannel(channel, 'pubsub')
  }

  #keys (channel: string): string[] {
    return ['log', 'stream', 'ids0', 'ids1'].map((part) => this.#around.keys.ofChannel(channel, part))
  }
}

type Head = readonly [epoch: string, offset: string, id: string, hash: string, prev: string, whenSlow: string, length: string]

function isHead (value: unknown): value is Head {
  return Array.isArray(value) && value.length === 7 && value.every((part) => typeof part === 'string') &&
    Number.isSafeInteger(Number(value[1])) && Number.isSafeInteger(Number(value[6]))
}

function readOf ([epoch, offset, hash, reason, snapshot, entries]: unknown[]): HistoryRead {
  const why = String(reason)
  const state = snapshotOf(snapshot as Raw)
  return {
    position: positionOf([epoch, offset, hash] as Buffer[]),
    ...(why !== '' && { reason: why as UnrecoverableReason }),
    ...(state && { snapshot: state }),
    entries: (entries as Raw[]).map(entryOf)
  }
}

function positionOf ([epoch, offset, hash]: ReadonlyArray<Buffer | string>): Position {
  return { epoch: String(epoch), offset: Number(String(offset)), hash: String(hash) }
}

function snapshotOf ([offset, hash, state]: Raw): Snapshot | undefined {
  return offset && { offset: Number(String(offset)), hash: String(hash), state: String(state) }
}

function entryOf ([offset, id, hash, prev, whenSlow, frame]: Raw): HistoryEntry {
  return {
    offset: Number(String(offset)),
    id: String(id),
    hash: String(hash),
    prev: String(prev),
    whenSlow: String(whenSlow) === 'skip' ? 'skip' : undefined,
    encoded: frame as Buffer
  }
}
