import type { PresenceChange, PresenceEntry } from '../protocol/control-messages.ts'
import type { EncodedMessage, WhenSlow } from '../protocol/encoding.ts'
import type { Position } from '../protocol/position.ts'

/** One connection's part in a channel's presence. */
export interface PresenceEntryRequest {
  readonly connection: string
  readonly user: string
  readonly data: unknown
}

/**
 * When a channel's presence changed. The numbers of one epoch grow by one with each change, so that a node can tell which of them a
 * snapshot holds already, and that one is missing. A new epoch means that what was known is lost: a new snapshot counts.
 */
export interface PresenceVersion {
  readonly epoch: string
  readonly sequence: number
}

/** Who is in a channel, as of that moment. */
export interface PresenceList extends PresenceVersion {
  readonly entries: readonly PresenceEntry[]
}

/** A message in a channel's log. `prev` is the link of the entry before it, '' for the first. */
export interface HistoryEntry {
  readonly offset: number
  readonly id: string
  readonly hash: string
  readonly prev: string
  /** As it was appended: without its place in the log. */
  readonly frame: EncodedMessage
  readonly whenSlow: WhenSlow
}

/** A state of the channel, as JSON, that holds after the entry with this offset and link. */
export interface Snapshot {
  readonly offset: number
  readonly hash: string
  readonly state: string
}

/** Why a log cannot tell what came after a position. `fresh`: none was given. */
export type UnrecoverableReason = 'fresh' | 'epoch' | 'future' | 'fork' | 'trimmed' | 'limit'

/** What a log holds after a position; else, with a reason, what it holds at all within the bound. */
export interface HistoryRead {
  /** The newest position. */
  readonly position: Position
  /** Left out where `entries` are all that came after the position asked about. */
  readonly reason?: UnrecoverableReason
  /** The newest one; only together with a reason. `entries` hold at least all that came after it, perhaps some from before. */
  readonly snapshot?: Snapshot
  /** In order, without a hole. */
  readonly entries: readonly HistoryEntry[]
}

/** How much a channel's log keeps: `limit` entries, for `ttl` milliseconds. */
export interface Retention {
  readonly limit: number
  readonly ttl: number
}

export interface Append extends Retention {
  /** Appended once, however often it comes again within two minutes. */
  readonly id: string
  readonly frame: EncodedMessage
  readonly whenSlow: WhenSlow
  /** Append only if this is the newest position. */
  readonly after?: Position | undefined
  /** The state after this entry, as JSON; only together with `expect`. */
  readonly snapshot?: string | undefined
}

/**
 * `appended`, or `duplicate`: the entry's own position. `behind`: `expect` is not the newest position; what came since.
 * `full`: only an append with a snapshot makes room; `retryAfter` in milliseconds.
 */
export type AppendOutcome =
  | { readonly outcome: 'appended' | 'duplicate', readonly position: Position }
  | { readonly outcome: 'behind', readonly missed: HistoryRead }
  | { readonly outcome: 'full', readonly retryAfter: number }

/** The right to handle one `once` message. `hash` stands for its content, `owner` for this attempt. */
export interface IdempotencyClaim {
  readonly id: string
  readonly contentHash: string
  readonly owner: string
}

/** What a claim came to. `done`: the message was handled before, and `reply`, as JSON, was its reply. */
export type ClaimOutcome =
  | { readonly outcome: 'claimed' | 'running' | 'conflict' }
  | { readonly outcome: 'done', readonly reply: string }

/** An entry that an attempt appended. */
export interface AppendedEntry {
  readonly id: string
  readonly hash: string
}

/** What all nodes answered by the deadline; `missing`: the ids of those who did not. */
export interface NodeAnswers {
  readonly results: ReadonlyArray<{ readonly node: string, readonly answer: unknown }>
  readonly missing: readonly string[]
}

/** Whether a place was given; if not, when to try again, in milliseconds. */
export type QuotaOutcome = { readonly granted: true } | { readonly granted: false, readonly retryAfter: number }

/** `degraded`: what lies between the nodes cannot be reached, since then, in milliseconds since 1970. */
export type AdapterStatus =
  | { readonly state: 'up' }
  | { readonly state: 'degraded', readonly since: number, readonly reason: string }

/** What an adapter counted since the start: for status pages and metrics. */
export type AdapterCounters = Readonly<Record<'published' | 'received' | 'dropped' | 'poison', number>>

/** What an adapter tells its node. The calls are synchronous and never throw, but for `asked`. */
export interface AdapterEvents {
  /** Another node published `frame` on a channel that this node is subscribed to. */
  frame (channel: string, frame: EncodedMessage, whenSlow: WhenSlow): void
  /** The presence of a subscribed channel changed, by this node or another. */
  presence (channel: string, moment: PresenceVersion, change: PresenceChange): void
  /** This node or another appended to a subscribed channel's log. Some may be missing, or come late; `snapshot` as it was appended. */
  entry (channel: string, epoch: string, entry: HistoryEntry, snapshot?: string): void
  /** Messages and changes of every channel may have been missed: the node reads its logs and presence anew. */
  gap (): void
  /** A user or token was revoked until then; told to all nodes but the one that did it, and again after a gap. */
  revoked (key: string, until: number): void
  /** Another node asks. What is returned is sent back; who rejects is missing. */
  asked (question: unknown): unknown
}

/**
 * The port between one node and the others. It carries opaque frames between nodes and keeps what they must agree on;
 * it knows no sockets and no contracts.
 *
 * A call that cannot be carried out rejects; nothing else ever throws.
 */
export interface Adapter {
  /** This node among the others: its own for each start. */
  readonly node: string
  readonly status: AdapterStatus
  readonly counters: AdapterCounters
  /** Milliseconds that a message takes to what lies between the nodes and back; undefined while that is not known, or nothing lies there. */
  readonly roundTrip?: number | undefined
  /** Begins to tell `receiver`; called once, before anything else. Resolves though nobody can be reached yet. */
  start (receiver: AdapterEvents): void | Promise<void>
  /** Lets go of everything this node held, its claims included; again changes nothing. */
  close (): Promise<void>

  /** Resolves once frames and changes of the channel reach this node. */
  subscribe (channel: string): Promise<void>
  /** Of several calls of both for a channel the last one counts, though nobody waited for those before. */
  unsubscribe (channel: string): Promise<void>
  /** Hands a frame to the other nodes that are subscribed, `whenSlow` with it, in the order published; never back to this one. */
  publish (channel: string, frame: EncodedMessage, whenSlow?: WhenSlow): Promise<void>

  /** Counts a connection as present. The same claim twice changes nothing; several of one user are one entry. */
  enter (channel: string, claim: PresenceEntryRequest): Promise<void>
  /**
   * Takes a connection's claim back; one that is not there changes nothing. A user without a claim stays present for another
   * `grace` milliseconds; who is back by then never left. An exit does not cut
   * short a grace that runs already.
   */
  exit (channel: string, connection: string, grace?: number): Promise<void>
  present (channel: string): Promise<PresenceList>
  /** How many users are present, those in grace included. */
  count (channel: string): Promise<number>

  /** One atomic step: seen before? as expected? then append, trim, and tell every node that is subscribed, this one included. */
  append (channel: string, append: Append): Promise<AppendOutcome>
  /** What came after `since`, by a bound of 1,000 entries and 1 MiB. */
  read (channel: string, since?: Position): Promise<HistoryRead>
  /** The newest positions; undefined where a channel has no log. */
  positions (channels: readonly string[]): Promise<ReadonlyArray<Position | undefined>>

  /** Begins an attempt at a `once` message. A claim lasts for 10 s, is renewed by asking again as the same owner, and ends with its node. */
  claim (channel: string, claim: IdempotencyClaim): Promise<ClaimOutcome>
  /**
   * Remembers the reply for two minutes. `lost`: an effect of this attempt is no longer in the log. The first to finish wins:
   * `done` has the reply that counts.
   */
  finish (channel: string, claim: IdempotencyClaim, reply: string, effects: readonly AppendedEntry[]): Promise<{ readonly outcome: 'lost' } | { readonly outcome: 'done', readonly reply: string }>
  /** Gives an attempt up, so that the next one need not wait for it. */
  release (channel: string, claim: IdempotencyClaim): Promise<void>

  /** Takes one of a user's `limit` places for a connection; it is given back by `free`, or by the end of its node. */
  reserve (user: string, connection: string, limit: number): Promise<QuotaOutcome>
  free (user: string, connection: string): Promise<void>
  /** Tells all other nodes, those that cannot be reached now as soon as they can. */
  revoke (key: string, until: number): Promise<void>
  /** Asks every other node; resolves at the deadline, in milliseconds, or when all have answered. Never rejects. */
  ask (question: unknown, deadline: number): Promise<NodeAnswers>
}
