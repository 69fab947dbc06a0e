import type { EncodedMessage } from '../protocol/encoding.ts'
import type { AppendedEntry } from './idempotency.ts'
import type { WhenSlow } from '../protocol/when-slow.ts'
import type { Position } from '../protocol/position.ts'
import type { UnrecoverableReason } from '../protocol/recoverability.ts'

/** One message in the history of a channel. */
export interface HistoryEntry {
  /** Counts the entries of one epoch, from 1. */
  readonly offset: number
  readonly id: string
  /** The entry's chain hash: new for every entry, even for one with the same id. */
  readonly hash: string
  /** The hash of the entry before it; `''` for the first one. */
  readonly prev: string
  /** As it was appended, without its position. */
  readonly encoded: EncodedMessage
  readonly whenSlow: WhenSlow
}

/** An entry that was appended, as nodes learn of it. */
export interface AnnouncedEntry {
  readonly entry: HistoryEntry
  /** The state that was appended with it, as JSON. */
  readonly snapshot?: string | undefined
}

/** A state of the channel that holds after the entry with this offset and hash. */
export interface Snapshot {
  readonly offset: number
  readonly hash: string
  /** JSON. */
  readonly state: string
}

/** The entries after a position; or, with a reason, the newest entries within the bound. */
export interface HistoryRead {
  /** The newest position. */
  readonly position: Position
  /** Absent when `entries` are all entries after the requested position. */
  readonly reason?: UnrecoverableReason
  /**
   * The newest snapshot. Present only with a reason; `entries` then hold at least all entries after it, which
   * `historyBound` has room for, because the history is full before it has not.
   */
  readonly snapshot?: Snapshot
  /** In order, without a hole. */
  readonly entries: readonly HistoryEntry[]
}

/** A part of a history: the newest entries before an offset within `historyPageBound`, at least one if there is any. */
export interface HistoryPageRead {
  /** The newest position of the history. */
  readonly position: Position
  /** In order. */
  readonly entries: readonly HistoryEntry[]
  /** Whether the history has older entries. */
  readonly hasMore: boolean
}

/** How much of a channel's history is kept: `limit` entries, each for `ttl` milliseconds. */
export interface Retention {
  readonly limit: number
  readonly ttl: number
}

/** A request to append one message. */
export interface Append extends Retention {
  /** Appended once, however often it is repeated within the dedupe window. */
  readonly id: string
  readonly encoded: EncodedMessage
  readonly whenSlow: WhenSlow
  /** Compare-and-append: append only if this is the newest position. */
  readonly after?: Position | undefined
  /** The state after this entry, as JSON. Valid only together with `after`. */
  readonly snapshot?: string | undefined
}

/**
 * `appended`, or `duplicate` for an id that was appended before: the position of that entry. `behind`: `after` is not
 * the newest position, which is `position`. `full`: the entries that a snapshot retains have reached the limit, so only
 * an append with a new snapshot can make room; `retryAfter` in milliseconds.
 */
export type AppendOutcome =
  | { readonly outcome: 'appended' | 'duplicate' | 'behind', readonly position: Position }
  | { readonly outcome: 'full', readonly retryAfter: number }

/** Which replicas of the shared server must have an entry. */
export interface Durability {
  /** Their number. Undefined: all that are connected to it, and at least one. */
  readonly replicas: number | undefined
  readonly timeoutMs: number
}

/** Keeps the ordered, bounded history of each channel that all nodes share. */
export interface HistoryPort {
  /**
   * One atomic step: check for a duplicate, compare with `after`, append, trim, and announce the entry to every
   * subscribed node, this one included. When it rejects, the outcome is unknown: repeat it with the same id.
   */
  append (channel: string, append: Append): Promise<AppendOutcome>
  /**
   * Waits until replicas of the shared server have these entries, so that they survive the loss of that server.
   * Resolves to false when one of them is no longer in the history. Rejects when the replicas do not have them in time.
   * In memory there are no replicas to wait for.
   */
  confirm (channel: string, entries: readonly AppendedEntry[], durability: Durability): Promise<boolean>
  /** Reads the entries after `since`, bounded by `historyBound`. A history begins with the first read or append. */
  read (channel: string, since?: Position): Promise<HistoryRead>
  /**
   * Reads the newest `limit` entries before the entry with the offset `before`, or of the whole history if that is
   * undefined, bounded by `historyPageBound`.
   */
  readBefore (channel: string, before: number | undefined, limit: number): Promise<HistoryPageRead>
  /**
   * Deletes all entries, the snapshot and the known ids, and begins a new epoch, in one atomic step. It announces
   * nothing.
   */
  clear (channel: string): Promise<void>
  /** The newest position of each channel; undefined for a channel without a history. */
  positions (channels: readonly string[]): Promise<ReadonlyArray<Position | undefined>>
}
