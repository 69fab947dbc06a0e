import type { Append, AppendOutcome, HistoryEntry, HistoryPageRead, HistoryRead, Snapshot } from '../cluster/history.ts'
import type { AppendedEntry, KnownEntry } from '../cluster/idempotency.ts'
import {
  historyBound, historyPageBound, recoveredBytes, snapshotStretch, takeWithinBound
} from '../cluster/history-bound.ts'
import type { ClusterTimings } from '../cluster/timings.ts'
import type { Position } from '../protocol/position.ts'
import { unrecoverableReason, type UnrecoverableReason } from '../protocol/recoverability.ts'

interface StoredEntry extends HistoryEntry {
  /** When it was appended, in milliseconds since 1970. */
  readonly at: number
}

/** `appended` comes with the entry, so that it can be announced. */
export type StoredAppend = AppendOutcome
  | { readonly outcome: 'appended', readonly position: Position, readonly entry: HistoryEntry }

/** The history of one channel. Every call is one step: nothing happens in between. */
export class StoredHistory {
  readonly #epoch: string
  readonly #now: () => number
  readonly #random: () => string
  readonly #timings: ClusterTimings
  #entries: StoredEntry[] = []
  #snapshot: Snapshot | undefined
  /** The size of the snapshot and of the entries after it in a recovery. */
  #retained = 0
  readonly #ids = new Map<string, { readonly offset: number, readonly hash: string, readonly at: number }>()
  #position: Position
  /** When the history expires unless it is used again, in milliseconds since 1970. */
  #expiresAt = 0

  /** `random`: a new string with each call, for the epoch and the hashes. */
  constructor (now: () => number, random: () => string, timings: ClusterTimings) {
    this.#now = now
    this.#random = random
    this.#timings = timings
    this.#epoch = random()
    this.#position = { epoch: this.#epoch, offset: 0, hash: '' }
    this.#extend(0)
  }

  get position (): Position {
    return this.#position
  }

  get isExpired (): boolean {
    return this.#expiresAt <= this.#now()
  }

  append (append: Append): StoredAppend {
    const { id, after, snapshot, limit, ttl } = append
    this.#extend(ttl)
    const known = this.#ids.get(id)
    if (known) return { outcome: 'duplicate', position: { epoch: this.#epoch, offset: known.offset, hash: known.hash } }
    if (after && !this.#isNewest(after)) return { outcome: 'behind', position: this.#position }
    const retained = snapshot === undefined ? this.#retained + recoveredBytes(append) : Buffer.byteLength(snapshot)
    if (snapshot === undefined && this.#isFull(limit, retained)) {
      return { outcome: 'full', retryAfter: this.#timings.historyFullRetryMs }
    }
    this.#retained = retained
    const entry = this.#add(append)
    this.#trim(limit, ttl)
    return { outcome: 'appended', position: this.#position, entry }
  }

  read (since?: Position): HistoryRead {
    const reason = this.#whyNot(since)
    if (!reason) return { position: this.#position, entries: this.#entriesAfter((since as Position).offset) }
    const snapshot = this.#snapshot
    return { position: this.#position, reason, ...(snapshot && { snapshot }), entries: takeWithinBound(this.#entries) }
  }

  readBefore (before: number = Infinity, limit: number): HistoryPageRead {
    const older = this.#entries.filter(({ offset }) => offset < before)
    const bound = { ...historyPageBound, entries: limit }
    const within = takeWithinBound(older, bound)
    const entries = within.length > 0 ? within : older.slice(-1)
    return { position: this.#position, entries, hasMore: entries.length < older.length }
  }

  /** The entry that was appended under the id within the dedupe window. */
  known (id: string): KnownEntry | undefined {
    const entry = this.#ids.get(id)
    return entry && { epoch: this.#epoch, offset: entry.offset, hash: entry.hash, id }
  }

  /** Whether the id was appended with this hash within the dedupe window. */
  hasAppended ({ id, hash }: AppendedEntry): boolean {
    return this.#ids.get(id)?.hash === hash
  }

  /** Whether a recovery with the snapshot would have too many entries or too many bytes after one more entry. */
  #isFull (limit: number, retained: number): boolean {
    if (!this.#snapshot) return false
    const count = this.#position.offset - this.#snapshot.offset
    return count >= Math.min(snapshotStretch * limit, historyBound.entries) || retained > historyBound.bytes
  }

  #isNewest ({ epoch, offset, hash }: Position): boolean {
    return epoch === this.#epoch && offset === this.#position.offset && hash === this.#position.hash
  }

  #add ({ id, encoded, whenSlow, snapshot }: Append): StoredEntry {
    const offset = this.#position.offset + 1
    const hash = this.#random()
    const entry = { id, encoded, whenSlow, offset, hash, prev: this.#position.hash, at: this.#now() }
    this.#entries.push(entry)
    this.#position = { epoch: this.#epoch, offset, hash }
    this.#ids.set(id, entry)
    if (snapshot !== undefined) this.#snapshot = { offset, hash, state: snapshot }
    return entry
  }

  #whyNot (since: Position | undefined): UnrecoverableReason | undefined {
    const offset = since?.offset ?? 0
    const missed = this.#entriesAfter(offset)
    return unrecoverableReason(since, {
      newest: this.#position,
      hash: missed[0]?.offset === offset + 1 ? missed[0].prev : undefined,
      isCut: false,
      missed: { entries: missed.length, bytes: missed.reduce((bytes, { encoded }) => bytes + encoded.length, 0) },
      bound: historyBound
    })
  }

  #entriesAfter (offset: number): StoredEntry[] {
    const first = this.#entries[0]?.offset ?? 0
    return this.#entries.slice(Math.max(0, offset + 1 - first))
  }

  /** Keeps every entry after the snapshot, because a state consists of the snapshot and all entries after it. */
  #trim (limit: number, ttl: number): void {
    const retainedAfter = this.#snapshot?.offset ?? Infinity
    const isOld = ({ at }: StoredEntry, i: number) => this.#entries.length - i > limit || at + ttl <= this.#now()
    const first = this.#entries.findIndex((entry, i) => entry.offset > retainedAfter || !isOld(entry, i))
    if (first > 0) this.#entries.splice(0, first)
  }

  /** Extends the life of the history, and forgets ids beyond the dedupe window. */
  #extend (ttl: number): void {
    const now = this.#now()
    const { dedupeWindowMs } = this.#timings
    this.#expiresAt = Math.max(this.#expiresAt, now + Math.max(ttl, dedupeWindowMs))
    for (const [id, { at }] of this.#ids) {
      if (at + dedupeWindowMs > now) break
      this.#ids.delete(id)
    }
  }
}
