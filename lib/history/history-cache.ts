import { historyBound } from '../cluster/history-bound.ts'
import type { HistoryEntry, HistoryRead, Snapshot } from '../cluster/history.ts'
import { withPosition, type EncodedMessage } from '../protocol/encoding.ts'
import type { Position } from '../protocol/position.ts'
import { unrecoverableReason, type UnrecoverableReason } from '../protocol/recoverability.ts'
import type { WhenSlow } from '../protocol/when-slow.ts'
import { SharedLists } from './shared-lists.ts'

/** An entry as members receive it: with its position in the encoded message. */
export interface EncodedEntry {
  readonly offset: number
  readonly hash: string
  readonly prev: string
  readonly encoded: EncodedMessage
  readonly whenSlow: WhenSlow
}

/** What a client receives of a history: all messages after its position; or, with a reason, a new start. */
export interface RecoveryContent {
  readonly position: Position
  readonly reason?: UnrecoverableReason
  readonly snapshot?: Snapshot
  readonly messages: readonly EncodedMessage[]
  /** The parts of the JSON list of the messages. */
  readonly json: readonly Buffer[]
}

/**
 * The newest part of a channel's history, kept by this node so that returning clients cost the adapter nothing: the
 * newest snapshot with all entries after it, and as many entries before it as fit `historyBound`.
 */
export class HistoryCache {
  #position: Position
  #snapshot: Snapshot | undefined
  readonly #entries: EncodedEntry[] = []
  /** The encoded message of each, because the list of those that a client missed is a copy. */
  readonly #messages: EncodedMessage[] = []
  /**
   * The bytes of all entries before each one, and of all entries, removed ones included. So the size of what a client
   * missed is a difference: adding up 250 entries for each of 1,000 clients took 5 % of a recovery.
   */
  readonly #starts: number[] = []
  #end = 0
  readonly #lists = new SharedLists()
  /** Whether entries were left out because of the bound, so that the shared history may still have them. */
  #isCut = false

  constructor ({ position, snapshot, entries }: HistoryRead) {
    this.#position = position
    this.#snapshot = snapshot
    for (const entry of entries) this.#add(encodeEntry(entry))
    this.#isCut = entries.length >= historyBound.entries
    this.#trim()
  }

  /** The position of the newest entry. */
  get position (): Position {
    return this.#position
  }

  /** Whether this entry is the next one. */
  follows (epoch: string, { offset, prev }: HistoryEntry): boolean {
    return epoch === this.#position.epoch && offset === this.#position.offset + 1 && prev === this.#position.hash
  }

  /** Whether this entry was appended here before. An entry with the same offset and another hash was not. */
  contains (epoch: string, { offset, hash }: HistoryEntry): boolean {
    if (epoch !== this.#position.epoch || offset > this.#position.offset) return false
    return (this.#hashAt(offset) ?? hash) === hash
  }

  /** Appends the entry that follows. */
  append (entry: HistoryEntry, snapshot?: string): EncodedEntry {
    const encodedEntry = encodeEntry(entry)
    const { offset, hash } = encodedEntry
    this.#position = { epoch: this.#position.epoch, offset, hash }
    if (snapshot !== undefined) this.#snapshot = { offset, hash, state: snapshot }
    this.#add(encodedEntry)
    this.#trim()
    return encodedEntry
  }

  /** The messages after `since`; or the reason why they are not available, with a new start. */
  recoveryAfter (since: Position | undefined, initial: number): RecoveryContent {
    const reason = since ? this.whyUnrecoverable(since) : 'fresh'
    if (reason) return this.resyncContent(reason, initial)
    return this.#contentFrom(this.#indexAfter((since as Position).offset))
  }

  /** A new start: the snapshot and the entries after it; without a snapshot, the newest `initial` entries. */
  resyncContent (reason: UnrecoverableReason, initial: number): RecoveryContent {
    const snapshot = this.#snapshot
    const first = snapshot ? this.#indexAfter(snapshot.offset) : Math.max(0, this.#messages.length - initial)
    return this.#contentFrom(first, { reason, ...(snapshot && { snapshot }) })
  }

  #contentFrom (first: number, start: Pick<RecoveryContent, 'reason' | 'snapshot'> = {}): RecoveryContent {
    const lists = this.#lists
    const messages = this.#messages.slice(first)
    return { position: this.#position, ...start, messages, get json () { return lists.partsOf(messages) } }
  }

  /** Why the messages after `since` are not available; undefined when they are. */
  whyUnrecoverable (since: Position): UnrecoverableReason | undefined {
    const first = this.#indexAfter(since.offset)
    return unrecoverableReason(since, {
      newest: this.#position,
      hash: this.#hashAt(since.offset),
      isCut: this.#isCut,
      missed: { entries: this.#entries.length - first, bytes: this.#bytesFrom(first) },
      bound: historyBound
    })
  }

  /** The hash of the entry at an offset; undefined when this cache does not know it. */
  #hashAt (offset: number): string | undefined {
    if (offset === this.#position.offset) return this.#position.hash
    const next = this.#entries[this.#indexAfter(offset)]
    return next?.offset === offset + 1 ? next.prev : undefined
  }

  /** Where the entries after an offset begin: the number of entries if there are none. */
  #indexAfter (offset: number): number {
    return Math.min(Math.max(0, offset + 1 - this.#firstOffset), this.#entries.length)
  }

  #bytesFrom (index: number): number {
    return this.#end - (this.#starts[index] ?? this.#end)
  }

  get #firstOffset (): number {
    return this.#entries[0]?.offset ?? this.#position.offset + 1
  }

  #add (entry: EncodedEntry): void {
    this.#entries.push(entry)
    this.#messages.push(entry.encoded)
    this.#starts.push(this.#end)
    this.#end += entry.encoded.length
  }

  #trim (): void {
    const snapshotOffset = this.#snapshot?.offset ?? Infinity
    let n = 0
    while (this.#exceedsBound(n) && (this.#entries[n] as EncodedEntry).offset <= snapshotOffset) n++
    if (n > 0) this.#isCut = true
    for (const list of [this.#entries, this.#messages, this.#starts]) list.splice(0, n)
  }

  /** Whether the entries from this one on are more than the bound. */
  #exceedsBound (first: number): boolean {
    return this.#entries.length - first > historyBound.entries || this.#bytesFrom(first) > historyBound.bytes
  }
}

function encodeEntry (entry: HistoryEntry): EncodedEntry {
  const { offset, hash, prev, whenSlow } = entry
  return { offset, hash, prev, whenSlow, encoded: withPosition(entry.encoded, entry) }
}
