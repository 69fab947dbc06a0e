import type { PresenceEntry } from '../protocol/control-messages.ts'

/** One connection that makes its user present in a channel. */
export interface PresenceEntryRequest {
  /** Names one membership of a connection: new for each attempt to join, so that attempts end independently. */
  readonly connection: string
  /** The id of its user. */
  readonly user: string
  /** Any JSON value. The newest data of a user's connections counts. */
  readonly data: unknown
}

/**
 * The version of a channel's presence list. Within one epoch, `sequence` grows by one with each change, so a node can
 * tell whether a list already contains a change and whether a change is missing. A new epoch means that the earlier
 * list was lost, so the node has to read the list again.
 */
export interface PresenceVersion {
  readonly epoch: string
  readonly sequence: number
}

/** The users present in a channel at one version. An empty channel may have the epoch `''`. */
export interface PresenceList extends PresenceVersion {
  readonly entries: readonly PresenceEntry[]
}

/** Keeps the users that are present in each channel, across all nodes. */
export interface PresencePort {
  /**
   * Counts a connection as present. Repeating the call changes nothing; several connections of a user are one entry.
   * The connection stays present until `exit`, `close`, or the end of this node's lease.
   */
  enter (channel: string, entry: PresenceEntryRequest): Promise<void>
  /**
   * Removes a connection; an unknown one is ignored. A user whose last connection exits stays present for another
   * `graceMs` milliseconds, and a return within that time is not announced. Another exit never shortens a grace
   * period that is already running, and neither does the end of the node.
   */
  exit (channel: string, connectionId: string, graceMs?: number): Promise<void>
  /** Reads the presence list. */
  list (channel: string): Promise<PresenceList>
  /** The number of users present, including those in their grace period. */
  count (channel: string): Promise<number>
}
