import { AdapterUnavailable } from '../../cluster/adapter.ts'
import type { Append, HistoryPageRead, HistoryRead } from '../../cluster/history.ts'
import { historyPageBound, maxStoredBytes } from '../../cluster/history-bound.ts'
import type { KnownEntry } from '../../cluster/idempotency.ts'
import type { CompiledHistory } from '../../contract/parts/history.ts'
import type { RecoveryContent } from '../../history/history-cache.ts'
import type { Logger } from '../../logger.ts'
import type { EncodedMessage } from '../../protocol/encoding.ts'
import { Behind, errorMessages, MessageError, refusal, UsageError } from '../../protocol/errors.ts'
import type { HistoryContent, HistoryMessage, HistoryPage } from '../../protocol/history.ts'
import type { EntryPosition, Position } from '../../protocol/position.ts'
import type { Rooms } from '../../rooms/rooms.ts'
import type { AppendOptions, Appended, HistoryPageOptions } from '../history-types.ts'
import { checkOptions, InvalidArgument } from '../invalid-argument.ts'
import { unavailableAfterAppend, type AppendHooks } from './append-hooks.ts'

/** The history of one channel, as handlers and services use it. */
export class ChannelHistory {
  readonly #rooms: Rooms
  readonly #channel: string
  readonly #compiled: CompiledHistory
  readonly #hooks: AppendHooks | undefined
  readonly #log: Logger

  constructor (rooms: Rooms, channel: string, compiled: CompiledHistory, log: Logger, hooks?: AppendHooks) {
    this.#hooks = hooks
    this.#rooms = rooms
    this.#channel = channel
    this.#compiled = compiled
    this.#log = log
  }

  /**
   * Appends a message, if `options` are given only `after` that position. `onAppended` gets its offset as soon as it is
   * in the history, before hooks and replicas have it; and undefined if it is lost after that.
   *
   * @throws {Behind}
   * @throws {MessageError} `history_full`; `unavailable`, also when a hook or the replicas fail or take too long
   * @throws {OutgoingError} for a snapshot that breaks its schema
   * @throws {UsageError} for a snapshot that the contract does not declare, a snapshot or message that is too large
   */
  async append (
    id: string, message: Pick<Append, 'encoded' | 'whenSlow'>, options?: AppendOptions,
    onAppended?: (offset: number | undefined) => void
  ): Promise<Appended> {
    const { limit, ttl } = this.#compiled
    const { encoded, whenSlow } = message
    const snapshot = this.#encodeSnapshot(options?.snapshot)
    this.#requireSize('message', encoded.length)
    const append = { id, encoded, whenSlow, limit, ttl, after: options?.after, snapshot }
    const appended = await this.#reach(this.#rooms.append(this.#channel, append))
    if (appended.outcome === 'behind') throw await this.#behind(options?.after as Position, appended.position)
    if (appended.outcome === 'full') {
      throw new MessageError('history_full', errorMessages.history_full, undefined, appended.retryAfter)
    }
    const result = { ...appended.position, id }
    onAppended?.(result.offset)
    await Promise.all([this.confirm([result], onAppended), this.#runHooks(result, encoded)])
    return result
  }

  /**
   * Waits until the replicas have these entries, where the contract says that they must.
   *
   * @throws {MessageError} `unavailable`, with the offset of the last entry unless an entry was lost
   */
  async confirm (entries: readonly KnownEntry[], onLost?: (offset: undefined) => void): Promise<void> {
    const { durable } = this.#compiled
    const last = entries.at(-1)
    if (!durable || !last) return
    const confirming = this.#reach(this.#rooms.histories.confirm(this.#channel, entries, durable))
    if (await confirming.catch(() => { throw unavailableAfterAppend(last.offset) })) return
    onLost?.(undefined)
    throw refusal('unavailable')
  }

  async #runHooks (appended: Appended, encoded: EncodedMessage): Promise<void> {
    if (this.#hooks?.isEmpty === false) await this.#hooks.run(this.#channel, appended, encoded)
  }

  /** Reads the messages after `since`, or everything that is kept. @throws {MessageError} `unavailable` */
  async read (since?: Position): Promise<HistoryContent> {
    return contentOf(await this.#reach(this.#rooms.histories.read(this.#channel, since)))
  }

  /**
   * Reads up to `limit` messages before an offset.
   *
   * @throws {MessageError} `unavailable`
   * @throws {InvalidArgument} for an invalid offset or limit
   */
  async readBefore (options: HistoryPageOptions): Promise<HistoryPage> {
    checkOptions('a history', options, ['before', 'limit'])
    const { before, limit = historyPageBound.entries } = options
    if (before !== undefined && (!Number.isSafeInteger(before) || before < 0)) {
      throw new InvalidArgument("'before' of a history is invalid: pass the offset of a message")
    }
    if (!Number.isInteger(limit) || limit < 1 || limit > historyPageBound.entries) {
      const { entries } = historyPageBound
      throw new InvalidArgument(`'limit' of a history is invalid: pass a whole number from 1 to ${entries}`)
    }
    const { position, entries, hasMore } = await this.readPage(before, limit)
    return { position, messages: entries.map((entry) => messageOf(entry.encoded, entry)), hasMore }
  }

  /** The same without a check of the arguments, and encoded. @throws {MessageError} `unavailable` */
  readPage (before: number | undefined, limit: number = historyPageBound.entries): Promise<HistoryPageRead> {
    return this.#reach(this.#rooms.histories.readBefore(this.#channel, before, limit))
  }

  /**
   * Begins a new history. Rooms learn of it by `refreshHistory`, or when they compare positions.
   *
   * @throws {MessageError} `unavailable`
   */
  async clear (): Promise<void> {
    await this.#reach(this.#rooms.histories.clear(this.#channel))
  }

  #encodeSnapshot (snapshot: unknown): string | undefined {
    if (snapshot === undefined) return undefined
    if (!this.#compiled.snapshot) throw new UsageError('the contract declares no snapshot for this history')
    const json = JSON.stringify(this.#compiled.snapshot(snapshot))
    this.#requireSize('snapshot', Buffer.byteLength(json))
    return json
  }

  #requireSize (what: string, bytes: number): void {
    if (bytes <= maxStoredBytes) return
    throw new InvalidArgument(`the ${what} for the history of '${this.#channel}' has ${bytes} bytes: ` +
      `store at most ${maxStoredBytes}, so that a recovery stays below 1 MiB`, 413)
  }

  async #behind (after: Position, newest: Position): Promise<Behind> {
    const missed = await this.#reach(this.#rooms.missedSince(this.#channel, after, newest))
    return new Behind('messages' in missed ? recoveredContent(missed) : contentOf(missed))
  }

  #reach<T> (call: Promise<T>): Promise<T> {
    return reach(call, this.#channel, this.#log, 'the history of a channel cannot be reached')
  }
}

/**
 * Settles as a call of the adapter does, with `unavailable` for any error, which becomes its `cause`. An error that the
 * adapter's `status` does not tell is logged.
 */
export async function reach<T> (call: Promise<T>, channel: string, log: Logger, problem: string): Promise<T> {
  try {
    return await call
  } catch (cause) {
    if (!(cause instanceof AdapterUnavailable)) log.warn({ err: cause, channel }, problem)
    throw Object.assign(refusal('unavailable'), { cause })
  }
}

/** Messages that the snapshot covers are left out. */
function contentOf ({ position, reason, snapshot, entries }: HistoryRead): HistoryContent {
  const covered = snapshot?.offset ?? 0
  return {
    position,
    ...(reason && { reason }),
    ...(snapshot && { snapshot: { ...snapshot, state: JSON.parse(snapshot.state) as unknown } }),
    messages: entries.filter(({ offset }) => offset > covered).map((entry) => messageOf(entry.encoded, entry))
  }
}

/**
 * The content of a recovery. It is parsed when it is used, because a client can have an append refused as often as it
 * likes, and most handlers look at the position alone.
 */
function recoveredContent ({ position, reason, snapshot, messages }: RecoveryContent): HistoryContent {
  let parsed: HistoryMessage[] | undefined
  return {
    position,
    ...(reason && { reason }),
    get snapshot () {
      return snapshot && { ...snapshot, state: JSON.parse(snapshot.state) as unknown }
    },
    get messages () {
      parsed ??= messages.map((encoded) => messageOf(encoded))
      return parsed
    }
  }
}

/** `position`: of an entry that was stored without it. */
function messageOf (encoded: EncodedMessage, position?: EntryPosition): HistoryMessage {
  const envelope = JSON.parse(encoded.toString()) as HistoryMessage
  const { type, payload, offset, id, hash, prev } = { ...envelope, ...position }
  return { type, payload, offset, id, hash, prev }
}
