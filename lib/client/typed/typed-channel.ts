import type { ChannelDefinition } from '../../contract/define-channel.ts'
import type {
  IsPersistent, PresenceOf, ServerMessageType, ServerPayloadOf, SnapshotOf
} from '../../contract/message-types.ts'
import type { PresenceCount } from '../../protocol/control-messages.ts'
import type { HistoryMessage, HistoryPage } from '../../protocol/history.ts'
import type { Position } from '../../protocol/position.ts'
import type { ResyncReason } from '../../protocol/recoverability.ts'
import type { Unsubscribe } from '../listeners.ts'
import type { CallOptions } from '../requests/call.ts'
import type { ChannelListeners, CoreMessaging, TypedMessaging } from './typed-messaging.ts'

/** The state from which a channel with a history starts again. */
export interface Resync<D extends ChannelDefinition> {
  /** `fresh` for the first join. For all other reasons messages were missed that cannot be recovered. */
  readonly reason: ResyncReason
  /** The newest snapshot: the state of the channel after the entry at `offset`. Undefined when there is none. */
  readonly snapshot?: { readonly offset: number, readonly hash: string, readonly state: SnapshotOf<D> }
  /**
   * The newest position of the history. The messages up to it arrive at the listeners of `on` next: those after the
   * snapshot, or without a snapshot the newest ones that the server keeps.
   */
  readonly position: Position
}

/** The options of `join` of the core for a channel without a history. */
export interface CoreListenOptions<D extends ChannelDefinition> extends CallOptions {
  /**
   * Listeners of messages, as `channel.on` takes them, by the type of the message. They are added before the channel is
   * joined, so they miss nothing.
   * @example { on: { 'message.posted': ({ text }) => show(text) } }
   */
  readonly on?: ChannelListeners<D> | undefined
  /**
   * Called after a reconnect when every missed message of the history was delivered. If missed messages cannot be
   * recovered, `onResync` is called instead.
   */
  readonly onRecovered?: (() => void) | undefined
  /**
   * Called once when the channel ends without a call of `leave`: the server removed the client, or refused to let it
   * join again after a reconnect. `code` is the reason. It is not called when the client closes.
   */
  readonly onLeft?: ((left: { readonly code: string }) => void) | undefined
}

/** The options of `join` for a channel without a history. */
export interface ListenOptions<D extends ChannelDefinition> extends CoreListenOptions<D> {
  /** Like `channel.onPresence`. Added before the channel is joined, so it misses no change. */
  readonly onPresence?: PresenceListener<D> | undefined
}

export type PresenceListener<D extends ChannelDefinition> =
  (presence: PresenceView<D>, change: PresenceDifference<D> | undefined) => void

/** The options of `join` of the core for a channel with a history. */
export interface CoreJoinOptions<D extends ChannelDefinition> extends CoreListenOptions<D> {
  /**
   * Called when local state of the channel must be discarded: for the join, before it resolves; after a reconnect when
   * missed messages cannot be recovered; when the server sends `resync`. The current messages arrive at your listeners
   * of `on` next, in order, each exactly once. If the server cannot read the history at the first join,
   * it is called as soon as the server can.
   *
   * `'ignore'`: no call; the messages that arrive next may repeat or skip earlier ones. Use it when the application
   * keeps no state of the channel.
   * @example { onResync: ({ snapshot }) => { editor.reset(snapshot?.state) } }
   */
  readonly onResync: ((resync: Resync<D>) => void) | 'ignore'
}

/** The options of `join` for a channel with a history. */
export interface JoinOptions<D extends ChannelDefinition> extends ListenOptions<D>, CoreJoinOptions<D> {}

/** One present user, with any number of connections. */
export interface Present<D extends ChannelDefinition> {
  /** The id of the user. */
  readonly user: string
  /** The data that the channel's `presence` schema declares. */
  readonly data: PresenceOf<D>
}

/**
 * The presence of a channel as its members know it: the list of present users; or their number, where the contract says
 * `list: 'count'`. The list is empty where the channel has no presence, or the contract says `list: 'none'`.
 */
export type PresenceView<D extends ChannelDefinition> =
  D extends { readonly presence: { readonly list: 'count' } } ? PresenceCount : ReadonlyArray<Present<D>>

/** The difference between two presence lists. */
export interface PresenceDifference<D extends ChannelDefinition> {
  /** The users who joined. */
  readonly joined: ReadonlyArray<Present<D>>
  /** The users whose data changed. */
  readonly updated: ReadonlyArray<Present<D>>
  /** The ids of the users who left. */
  readonly left: readonly string[]
}

/** Which messages `history` reads. */
export interface HistoryOptions extends CallOptions {
  /**
   * The offset of the message before which they are.
   * @default that of the oldest message that the listeners of this handle got
   */
  readonly before?: number | undefined
  /**
   * How many at most, from 1 to 100. A page has at most 256 KiB, unless a single message is larger.
   * @default 100
   */
  readonly limit?: number | undefined
}

// Without a contract any message may be persistent.
type PersistentMessageOf<D extends ChannelDefinition> = D extends { readonly history: object }
  ? {
      [T in ServerMessageType<D>]: IsPersistent<D, T> extends true ? HistoryMessage<T, ServerPayloadOf<D, T>> : never
    }[ServerMessageType<D>]
  : 'history' extends keyof D ? HistoryMessage : never

/** A part of a channel's history: `{ position, messages, hasMore }`, the messages in their order. */
export type HistoryPageOf<D extends ChannelDefinition> = HistoryPage<PersistentMessageOf<D>>

/**
 * A handle of a channel that the client has joined, with listeners of its own. It stays joined across reconnects until
 * `leave` or `onLeft` is called. A closed client joins its channels again when it is opened. After a reconnect a
 * channel with a history delivers the missed messages; a channel without one does not.
 */
export interface CoreChannel<D extends ChannelDefinition> extends CoreMessaging<D> {
  /** The address of the channel, such as `chat/lobby`. */
  readonly address: string

  /**
   * Ends this handle: its listeners are called no more. The last handle of the address leaves the channel. Resolves
   * when the server has confirmed that, or at once. Never rejects.
   */
  leave (): Promise<void>
}

/** A handle of `fastify-channels/client`. */
export interface TypedChannel<D extends ChannelDefinition> extends CoreChannel<D>, TypedMessaging<D> {
  /**
   * The present users, including this one; empty when the channel declares no presence. With `list: 'count'` in the
   * contract it is `{ count }`. Each change makes a new list. Without a connection it is the last known one.
   */
  readonly presence: PresenceView<D>

  /**
   * Adds a listener that gets each new presence list. `change` is the difference from the list before; it is undefined
   * after a reconnect, when the server sends the whole list, and always with `list: 'count'`.
   * @returns A function that removes the listener.
   */
  onPresence (listener: PresenceListener<D>): Unsubscribe

  /**
   * Adds a listener that is called after a reconnect when every missed message of the history was delivered. If missed
   * messages cannot be recovered, `onResync` is called instead.
   * @returns A function that removes the listener.
   */
  onRecovered (listener: () => void): Unsubscribe

  /**
   * Adds a listener that is called when local state of the channel must be discarded, as `onResync` of `join`. Added in
   * a listener of `client.onJoined`, it is called for the first state too, which after a `join` is past.
   * @returns A function that removes the listener.
   */
  onResync (listener: (resync: Resync<D>) => void): Unsubscribe

  /**
   * Adds a listener that is called once when the channel ends without a call of `leave`: the server removed the client,
   * or refused to let it join again after a reconnect. `code` is the reason. It is not called when the client closes;
   * `onState` reports that.
   * @returns A function that removes the listener.
   */
  onLeft (listener: (left: { readonly code: string }) => void): Unsubscribe

  /**
   * Reads older messages of the channel's history, which arrive at no listener. The page before it: pass
   * `before: messages[0].offset`, as long as `hasMore` is `true`.
   * @throws {RequestError} `epoch_changed` when the history began again: `onResync` is called then. `no_history`,
   *   `unavailable`, `rate_limited`, and those of any message that is not idempotent.
   * @example const { messages, hasMore } = await channel.history({ limit: 50 })
   */
  history (options?: HistoryOptions): Promise<HistoryPageOf<D>>
}
