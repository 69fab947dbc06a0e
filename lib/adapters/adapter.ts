import type { PresenceChange, PresenceEntry } from '../protocol/control.ts'
import type { Frame, WhenSlow } from '../protocol/frame.ts'

/** One connection's part in a channel's presence. */
export interface PresenceClaim {
  readonly connection: string
  readonly user: string
  readonly data: unknown
}

/** Who is in a channel, as of `sequence`. */
export interface PresenceSnapshot {
  readonly sequence: number
  readonly entries: readonly PresenceEntry[]
}

/** What an adapter tells its node. Both calls are synchronous and never throw. */
export interface Receiver {
  /** Another node published `frame` on a channel that this node is subscribed to. */
  frame (channel: string, frame: Frame, whenSlow: WhenSlow): void
  /**
   * The presence of a subscribed channel changed, by this node or another. The numbers of a channel's changes only grow,
   * so that a node can tell which of them a snapshot holds already.
   */
  presence (channel: string, sequence: number, change: PresenceChange): void
}

/**
 * The port between one node and the others. It carries opaque frames between nodes and keeps what they must agree on;
 * it knows no sockets and no contracts.
 *
 * A call that cannot be carried out rejects; nothing else ever throws.
 */
export interface Adapter {
  /** Begins to tell `receiver`; called once, before anything else. */
  start (receiver: Receiver): void
  /** Resolves once frames and changes of the channel reach this node. */
  subscribe (channel: string): Promise<void>
  /** Of several calls of both for a channel the last one counts, though nobody waited for those before. */
  unsubscribe (channel: string): Promise<void>
  /** Hands a frame to the other nodes that are subscribed, `whenSlow` with it, in the order published; never back to this one. */
  publish (channel: string, frame: Frame, whenSlow?: WhenSlow): Promise<void>
  /** Counts a connection as present. The same claim twice changes nothing; several of one user are one entry. */
  enter (channel: string, claim: PresenceClaim): Promise<void>
  /**
   * Takes a connection's claim back; one that is not there changes nothing. A user without a claim stays present for another
   * `grace` milliseconds; who is back by then never left. An exit does not cut
   * short a grace that runs already.
   */
  exit (channel: string, connection: string, grace?: number): Promise<void>
  present (channel: string): Promise<PresenceSnapshot>
  /** Lets go of everything this node held, its claims included; again changes nothing. */
  close (): Promise<void>
}
