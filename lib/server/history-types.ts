import type { ChannelDefinition } from '../contract/define-channel.ts'
import type {
  IsPersistent, ParamsOf, PayloadArgument, ServerMessageType, ServerPayloadOf, SnapshotOf
} from '../contract/message-types.ts'
import type { HistoryContent, HistoryMessage } from '../protocol/history.ts'
import type { Position } from '../protocol/position.ts'

/** Options of `broadcast` for an ephemeral message. */
export interface BroadcastOptions {
  /** Members that do not get the message: one connection, usually the sender's, or all connections of one user. */
  readonly except?: { readonly id: string } | { readonly userId: string }
}

/** Options of `append`. */
export interface AppendOptions<Snapshot = unknown> {
  /** Append only if this is the newest position of the history. */
  readonly after: Position
  /** The state of the channel after this message. A join gets the newest snapshot and the messages after it. */
  readonly snapshot?: Snapshot
}

/** Which messages of a history are wanted. */
export interface HistoryPageOptions {
  /**
   * The offset of the message before which they are.
   * @default the newest messages
   */
  readonly before?: number | undefined
  /**
   * How many at most, from 1 to 100.
   * @default 100
   */
  readonly limit?: number
}

/** The position of an appended message, and the id under which members receive it. */
export interface Appended extends Position {
  readonly id: string
}

/** The types that the server may broadcast on a channel. A connection's own contract has no room to broadcast to. */
export type BroadcastType<D extends ChannelDefinition> = D['pattern'] extends '' ? never : ServerMessageType<D>

/** The types that go through the history of a channel. */
export type PersistentType<D extends ChannelDefinition> =
  { [T in ServerMessageType<D>]: IsPersistent<D, T> extends true ? T : never }[ServerMessageType<D>]

/** The types that do not go through a history. */
export type EphemeralType<D extends ChannelDefinition> =
  { [T in ServerMessageType<D>]: IsPersistent<D, T> extends true ? never : T }[ServerMessageType<D>]

/** What `read` gives of a channel: its persistent messages, each type with its payload. */
export type HistoryOf<D extends ChannelDefinition> = HistoryContent<PersistentMessageOf<D>, SnapshotOf<D>>

/** A message of the history, each type with its payload. */
export type PersistentMessageOf<D extends ChannelDefinition> =
  { [T in PersistentType<D>]: HistoryMessage<T, ServerPayloadOf<D, T>> }[PersistentType<D>]

/** The arguments of `broadcast` after the type: a persistent message takes no options. */
export type BroadcastArguments<D extends ChannelDefinition, T extends ServerMessageType<D>> =
  PayloadArgument<ServerPayloadOf<D, T>, IsPersistent<D, T> extends true ? [] : [options?: BroadcastOptions]>

export type BroadcastResult<D extends ChannelDefinition, T extends ServerMessageType<D>> =
  IsPersistent<D, T> extends true ? Appended : void

/** A message that was appended, each type with its payload. */
export type AppendedMessageOf<D extends ChannelDefinition> =
  { [T in PersistentType<D>]: AppendedMessage<T, ServerPayloadOf<D, T>> }[PersistentType<D>]

interface AppendedMessage<Type extends string, Payload> extends Appended {
  readonly type: Type
  readonly payload: Payload
}

/** The channel to whose history a message was appended. */
export interface AppendedAt<D extends ChannelDefinition> {
  /** Its name: the address, which the namespace of the contract precedes, as in `v2//chat/lobby`. */
  readonly channel: string
  readonly params: ParamsOf<D>
}
