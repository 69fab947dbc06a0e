import type { AnyChannel, Channel, ChannelDefinition } from '../contract/define-channel.ts'
import type {
  ClientMessageType, ClientPayloadOf, ErrorData, ErrorsOf, ParamsOf, PayloadArgument, PresenceOf, ReplyOf,
  ServerPayloadOf, SnapshotOf
} from '../contract/message-types.ts'
import type { ConnectionInfo } from '../connection/connection-info.ts'
import type {
  AppendOptions, Appended, AppendedAt, AppendedMessageOf, BroadcastArguments, BroadcastResult, BroadcastType,
  HistoryOf, PersistentType
} from './history-types.ts'
import type { Logger } from '../logger.ts'
import type { Behind, MessageError } from '../protocol/errors.ts'

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
   * Changes the user's presence data while the connection is in the channel. The data of the connection that entered
   * or changed them last count. A later join asks `presence` again.
   *
   * Rejects with `not_joined` outside the membership, with `unavailable`, and with `FST_CHANNELS_OUTGOING` for data
   * that break their schema.
   */
  updatePresence (data: PresenceOf<D>): Promise<void>
  /**
   * Compare-and-append: sends a persistent message to every member, provided that `after` is still the newest position
   * of the history. Else it rejects with `Behind`, which has the missed messages, and nothing was appended. Otherwise
   * it rejects as `broadcast` does.
   */
  append<T extends PersistentType<D>> (
    type: T, payload: ServerPayloadOf<D, T>, options: AppendOptions<SnapshotOf<D>>
  ): Promise<Appended>
  /**
   * Whether `error` is the `Behind` of an `append` to this channel. Narrows its messages and its snapshot.
   * @example if (ctx.isBehind(error)) state = apply(state, error.messages)
   */
  isBehind (error: unknown): error is Behind & HistoryOf<D>
}

/** What a handler sees: its channel's context and the message at hand. */
export interface MessageContext<D extends ChannelDefinition, K extends ClientMessageType<D>> extends ChannelContext<D> {
  /** Unique for this message. A repeated idempotent message has the same one. */
  readonly messageId: string
  /**
   * What an earlier run of the handler appended for this idempotent message, in order: that run failed, or its node
   * died before the reply. Empty in the first run.
   */
  readonly appended: readonly Appended[]
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

/** Runs before the handlers of one type. */
export interface PreHandler<D extends ChannelDefinition, K extends ClientMessageType<D>> {
  (ctx: MessageContext<D, K>, payload: ClientPayloadOf<D, K>): Awaitable<boolean | void>
}

/** Runs before the handlers of every type. `ctx.error` makes those errors that every message declares. */
export interface ChannelPreHandler<D extends ChannelDefinition> {
  (ctx: MessageContext<D, ClientMessageType<D>>, message: ReceivedMessage<D>): Awaitable<boolean | void>
}

type ReceivedMessage<D extends ChannelDefinition> = {
  [K in ClientMessageType<D>]: { readonly type: K, readonly payload: ClientPayloadOf<D, K> }
}[ClientMessageType<D>]

type OneOrMore<F> = F | readonly F[]

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
  /**
   * Runs after each append to the history of a channel of this contract, by a handler as well as by `rooms.of(…)`. It
   * runs on the node that appends, before the append resolves. It may run again for the same entry, so use its `id` as
   * the key of a write. When it fails, or takes longer than `handlerTimeout`, the append rejects with `unavailable`,
   * although the entry stands: an idempotent message is then sent again.
   */
  readonly onAppend?: (entry: AppendedMessageOf<D>, at: AppendedAt<D>) => Awaitable<void>
  /**
   * Runs before the handler of every message, after the payload was validated. Several run in their order. `false` is
   * answered with `forbidden`, and an exception as one of the handler. In both cases nothing else runs.
   */
  readonly preHandler?: OneOrMore<ChannelPreHandler<D>>
  /** The same for single types of messages, after `preHandler`. */
  readonly preHandlers?: { readonly [K in ClientMessageType<D>]?: OneOrMore<PreHandler<D, K>> }
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
  readonly onAppend?: (entry: unknown, at: unknown) => Awaitable<void>
  readonly preHandler?: unknown
  readonly preHandlers?: object
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
