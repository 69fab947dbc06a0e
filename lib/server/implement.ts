import type { AnyChannel, Channel, ChannelDefinition } from '../contract/define-channel.ts'
import type {
  ClientMessageType, ClientPayloadOf, ErrorData, ErrorsOf, IsPersistent, ParamsOf, PayloadArgument, PresenceOf, ReplyOf,
  ServerMessageType, ServerPayloadOf, SnapshotOf
} from '../contract/message-types.ts'
import type { ConnectionInfo } from '../connection/connection-info.ts'
import type { Logger } from '../logger.ts'
import type { MessageError } from '../protocol/errors.ts'
import type { HistoryContent, HistoryMessage } from '../protocol/history.ts'
import type { Position } from '../protocol/position.ts'

/**
 * The types of an application, given by declaration merging: `user` is the type of `ctx.user`, `locals` that of
 * `ctx.locals`. Without `user`, the type of `FastifyRequest.user` is used. `decorators: false` removes `rooms`,
 * `registry` and `heartbeat` from the type of the Fastify instance; pass the option of the same name as well.
 */
export interface Register {}

export type User = Register extends { user: infer U } ? U
  : Register extends { request: { user: infer U } } ? U : unknown

export type Locals = Register extends { locals: infer C } ? C : unknown

type Awaitable<T> = T | Promise<T>

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

/** Why a connection is no longer in a channel. */
export type LeaveReason = 'left' | 'removed' | 'disconnected'

/** One connection in one channel, as the application's functions see it. It lives as long as the membership. */
export interface ChannelContext<D extends ChannelDefinition> {
  readonly params: ParamsOf<D>
  readonly user: User
  readonly connection: ConnectionInfo
  /** What the route's `locals(request)` returned at the upgrade. */
  readonly locals: Locals
  /** Free for the application, per connection and channel. */
  readonly state: Record<string, unknown>
  readonly log: Logger
  // No aliases for the payload types below: the compiler prints a type as it is written, and these names explain it.
  /**
   * Sends a message to this connection alone, on this channel.
   *
   * @throws {OutgoingError} `FST_CHANNELS_OUTGOING` for a payload that breaks its schema
   */
  send<T extends keyof D['fromServer'] & string> (type: T, ...payload: PayloadArgument<ServerPayloadOf<D, T>>): void
  /**
   * Sends a message to every member of the channel. An ephemeral message takes `{ except }`, and resolves once the
   * members on this node have it. A persistent message resolves to its position in the history.
   *
   * Rejects with `FST_CHANNELS_OUTGOING` for a payload that, projected to its schema, breaks it. A persistent message
   * also rejects with `history_full`, or with `unavailable` when it is unknown whether it was appended: the handler's
   * message is then answered with that error, even if the handler catches it.
   */
  broadcast<T extends BroadcastType<D>> (type: T, ...payload: BroadcastArguments<D, T>): Promise<BroadcastResult<D, T>>
  /**
   * Compare-and-append: sends a persistent message to every member, provided that `after` is still the newest position
   * of the history. Else it rejects with `Behind`, which has the missed messages, and nothing was appended. Otherwise
   * it rejects as `broadcast` does.
   */
  append<T extends PersistentType<D>> (
    type: T, payload: ServerPayloadOf<D, T>, options: AppendOptions<SnapshotOf<D>>
  ): Promise<Appended>
}

/** What a handler sees: its channel's context and the message at hand. */
export interface MessageContext<D extends ChannelDefinition, K extends ClientMessageType<D>> extends ChannelContext<D> {
  /** Unique for this message. A repeated idempotent message has the same one. */
  readonly messageId: string
  /** Aborted when the handler exceeds `handlerTimeout`, or when the connection is closed. */
  readonly signal: AbortSignal
  /** Creates one of the message's declared errors. Throw it to answer the sender with it. */
  error<C extends keyof ErrorsOf<D, K> & string> (code: C, data: ErrorData<ErrorsOf<D, K>, C>): MessageError
}

export interface Handler<D extends ChannelDefinition, K extends ClientMessageType<D>> {
  (ctx: MessageContext<D, K>, payload: ClientPayloadOf<D, K>): Awaitable<ReplyOf<D, K>>
}

/** A handler for each message that the contract declares from the client. */
export type Handlers<D extends ChannelDefinition> = { readonly [K in ClientMessageType<D>]: Handler<D, K> }

interface Behaviour<D extends ChannelDefinition> {
  /**
   * Whether the connection may join. Any result but `true` is answered with `forbidden`, and so is an exception, which
   * is logged. An error with the code `unavailable` is answered as it is: clients try again.
   *
   * @default every connection of the route may join
   */
  readonly authorize?: (ctx: ChannelContext<D>) => Awaitable<boolean>
  /** Runs once the connection is a member. */
  readonly joined?: (ctx: ChannelContext<D>) => Awaitable<void>
  /** Runs once the connection is no longer a member, after the messages that it sent before. */
  readonly left?: (ctx: ChannelContext<D>, reason: LeaveReason) => Awaitable<void>
  readonly on: Handlers<D>
}

interface PresenceBehaviour<D extends ChannelDefinition> {
  /** The user's presence data, which the other members see. */
  readonly presence: (ctx: ChannelContext<D>) => Awaitable<PresenceOf<D>>
}

export type Implementation<D extends ChannelDefinition> = Behaviour<D> &
  (D extends { readonly presence: object } ? PresenceBehaviour<D> : { readonly presence?: never })

/** A contract with its implementation, without their types: what a route takes. */
export interface ImplementedChannel {
  readonly channel: AnyChannel
  readonly implementation: ErasedImplementation
}

/** The functions of an `Implementation` without their types. The session validates their arguments. */
export interface ErasedImplementation {
  readonly authorize?: (ctx: unknown) => Awaitable<boolean>
  readonly presence?: (ctx: unknown) => Awaitable<unknown>
  readonly joined?: (ctx: unknown) => Awaitable<void>
  readonly left?: (ctx: unknown, reason: LeaveReason) => Awaitable<void>
  readonly on: Readonly<Record<string, (ctx: unknown, payload: unknown) => unknown>>
}

/** Implements a contract. A handler that is missing, misspelt or wrongly typed does not compile. */
export function implement<D extends ChannelDefinition> (
  channel: Channel<D>, implementation: Implementation<D>
): ImplementedChannel {
  return { channel, implementation: implementation as unknown as ErasedImplementation }
}

/**
 * One handler in a file of its own: `export const send = handler(chat, 'message.send', async (ctx, { text }) => …)`.
 * Collect them with `export { send as 'message.send' } from './send.js'` and `import * as on`.
 */
export function handler<D extends ChannelDefinition, K extends keyof D['fromClient'] & string> (
  _channel: Channel<D>, _type: K, handle: Handler<D, K>
): Handler<D, K> {
  return handle
}
