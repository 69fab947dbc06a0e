import type { EncodedMessage } from '../protocol/encoding.ts'
import type { WhenSlow } from '../protocol/when-slow.ts'

/** The members of a room that do not get a message. */
export interface Except {
  /** The connection with this id. */
  readonly connection?: string
  /** All connections of this user. */
  readonly user?: string
  /** The connections that are also in one of these channels, where they get the same message. */
  readonly membersOf?: readonly string[]
}

/** Carries ephemeral messages between the nodes: at most once, in the order published by each node on a channel. */
export interface PubSubPort {
  /**
   * Resolves once messages, presence changes and history entries of the channel reach this node.
   *
   * Of several calls of `subscribe` and `unsubscribe` for a channel, the last one counts, even if the calls before it
   * were not awaited.
   */
  subscribe (channel: string): Promise<void>
  /**
   * Resolves once this node no longer receives events of the channel. Does nothing for a channel without a
   * subscription.
   */
  unsubscribe (channel: string): Promise<void>
  /**
   * Sends a message, with `whenSlow` and `except`, to all other nodes that are subscribed. It never comes back to this
   * node. Rejects when the message was certainly not sent; resolving is no proof of delivery.
   */
  publish (channel: string, message: EncodedMessage, whenSlow?: WhenSlow, except?: Except): Promise<void>
}
