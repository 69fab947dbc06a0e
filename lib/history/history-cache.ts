import type { HistoryEntry, HistoryRead, Snapshot } from '../cluster/history.ts'
import type { UnrecoverableReason } from '../protocol/recoverability.ts'
import { withPosition, type EncodedMessage } from '../protocol/encoding.ts'
import type { WhenSlow } from '../protocol/when-slow.ts'
import type { Position } from '../protocol/position.ts'

/** A logged message as members get it. */
export interface EncodedEntry {
  readonly offset: number
  readonly hash: string
  readonly prev: string
  readonly encoded: EncodedMessage
  readonly whenSlow: WhenSlow
}

/** How much is sent to a client that comes back, and kept here for that. */
const maxEntries = 1_000
const maxBytes = 1_048_576

/** What a client is told of a log: all that came after where it was, or, with a reason, where to begin anew. */
export interface RecoveryContent {
  readonly position: Position
  readonly reason?: UnrecoverableReason
  readonly snapshot?: Snapshot
  readonly messages: readonly EncodedMessage[]
}

/**
 * The newest part of a channel's log, kept by this node so that clients who come back cost the adapter nothing: the newest snapshot with all
 * that came after it, and before it as much as fits the bound.
 */
export class HistoryCache {
  #position: Position
  #snapshot: Snapshot | undefined
  #entries: EncodedEntry[] = []
  #bytes = 0
  /** Whether something was left out for the bound's sake, and not because the log does not have it. */
  #isCut = false

  /** Begins with what a read told. */
  constructor ({ position, snapshot, entries }: HistoryRead) {
    this.#position = position
    this.#snapshot = snapshot
    for (const entry of entries) this.#add(loggedFrame(entry))
    this.#isCut = entries.length >= maxEntries
    this.#trim()
  }

  /** As of the newest entry. */
  get position (): Position {
    return this.#position
  }

  follows (epoch: string, { offset, prev }: HistoryEntry): boolean {
    return epoch === this.#position.epoch && offset === this.#position.offset + 1 && prev === this.#position.hash
  }

  /** Whether this entry is behind us: it came before. One with the same offset and another link did not. */
  contains (epoch: string, { offset, hash }: HistoryEntry): boolean {
    if (epoch !== this.#position.epoch || offset > this.#position.offset) return false
    return (this.#hashAt(offset) ?? hash) === hash
  }

  /** Takes the entry that follows. */
  append (entry: HistoryEntry, snapshot?: string): EncodedEntry {
    const logged = loggedFrame(entry)
    const { offset, hash } = logged
    this.#position = { epoch: this.#position.epoch, offset, hash }
    if (snapshot !== undefined) this.#snapshot = { offset, hash, state: snapshot }
    this.#add(logged)
    this.#trim()
    return logged
  }

  /** What came after `since`, or why that cannot be told. */
  recoveryAfter (since: Position | undefined, history: number): RecoveryContent {
    const reason = since ? this.#whyNot(since) : 'fresh'
    if (reason) return this.resyncContent(reason, history)
    return { position: this.#position, messages: this.#from((since as Position).offset).map(({ encoded: frame }) => frame) }
  }

  /** Where to begin anew: the snapshot and what came after it, else the newest `history` messages. */
  resyncContent (reason: UnrecoverableReason, history: number): RecoveryContent {
    const snapshot = this.#snapshot
    const entries = snapshot ? this.#from(snapshot.offset) : this.#entries.slice(-history)
    return { position: this.#position, reason, ...(snapshot && { snapshot }), messages: entries.map(({ encoded: frame }) => frame) }
  }

  #whyNot ({ epoch, offset, hash }: Position): UnrecoverableReason | undefined {
    if (epoch !== this.#position.epoch) return 'epoch'
    if (offset > this.#position.offset) return 'future'
    const known = this.#hashAt(offset)
    if (known === undefined) return this.#isCut ? 'limit' : 'trimmed'
    if (known !== hash) return 'fork'
    return isWithinBound(this.#from(offset)) ? undefined : 'limit'
  }

  /** The link of the entry with that offset; undefined where we cannot tell. */
  #hashAt (offset: number): string | undefined {
    if (offset === this.#position.offset) return this.#position.hash
    return this.#from(offset)[0]?.offset === offset + 1 ? this.#from(offset)[0]?.prev : undefined
  }

  /** The entries after an offset. */
  #from (offset: number): EncodedEntry[] {
    return this.#entries.slice(Math.max(0, offset + 1 - this.#first))
  }

  get #first (): number {
    return this.#entries[0]?.offset ?? this.#position.offset + 1
  }

  #add (logged: EncodedEntry): void {
    this.#entries.push(logged)
    this.#bytes += logged.encoded.length
  }

  #trim (): void {
    const kept = this.#snapshot?.offset ?? Infinity
    let n = 0
    while (n < this.#entries.length && (this.#entries.length - n > maxEntries || this.#bytes > maxBytes)) {
      const { offset, encoded: frame } = this.#entries[n] as EncodedEntry
      if (offset > kept) break
      this.#bytes -= frame.length
      n++
    }
    if (n > 0) this.#isCut = true
    this.#entries.splice(0, n)
  }
}

function isWithinBound (entries: readonly EncodedEntry[]): boolean {
  return entries.length <= maxEntries && entries.reduce((bytes, { encoded: frame }) => bytes + frame.length, 0) <= maxBytes
}

function loggedFrame (entry: HistoryEntry): EncodedEntry {
  const { offset, hash, prev, whenSlow } = entry
  return { offset, hash, prev, whenSlow, encoded: withPosition(entry.encoded, entry) }
}
