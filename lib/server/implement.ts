import type { AnyChannel, Channel, ChannelDefinition } from '../contract/define-channel.ts'
import type { ErrorData, ErrorsOf, IsPersistent, SnapshotOf, ParamsOf, PayloadArgument, ClientPayloadOf, PresenceOf, ClientMessageType, ReplyOf, ServerPayloadOf } from '../contract/message-types.ts'
import type { ConnectionInfo } from '../connection/connection.ts'
import type { Logger } from '../logger.ts'
import type { MessageError } from '../protocol/errors.ts'
import type { Position } from '../protocol/position.ts'

/**
 * What an application tells the library about itself, by declaration merging: `user` is the identity's type, `context`
 * that of what a route's `context(request)` returns. Without `user` the type follows `FastifyRequest.user`.
 */
export interface Register {}

export type User = Register extends { user: infer U } ? U
  : Register extends { request: { user: infer U } } ? U : unknown

export type Locals = Register extends { locals: infer C } ? C : unknown

type Awaitable<T> = T | Promise<T>

export interface BroadcastOptions {
  /** The one member that does not get the message, usually the sender. */
  readonly except?: { readonly id: string }
}

/** For a message of the log: every member gets it, the sender too, who knows it by its `id`. */
export interface AppendOptions<Snapshot = unknown> {
  /** Append only if this is the log's newest position: else `broadcast` rejects with `Behind`, which has what was missed. */
  readonly after?: Position
  /** The channel's state after this message, for those who join later; only together with `expect`. */
  readonly snapshot?: Snapshot
}

/** Where a message stands in its channel's log, and the id that it is known by. */
export interface Appended extends Position {
  readonly id: string
}

export type OptionsOf<D extends ChannelDefinition, T extends keyof D['fromServer'] & string> =
  IsPersistent<D, T> extends true ? AppendOptions<SnapshotOf<D>> : BroadcastOptions

export type OutcomeOf<D extends ChannelDefinition, T extends keyof D['fromServer'] & string> = IsPersistent<D, T> extends true ? Appended : void

/** Why a connection is no longer in a channel. */
export type LeaveReason = 'left' | 'removed' | 'disconnected'

/** What code of one channel sees of one connection in it. It lives as long as the membership. */
export interface ChannelContext<D extends ChannelDefinition> {
  readonly params: ParamsOf<D>
  readonly user: User
  readonly connection: ConnectionInfo
  /** What the route's `context(request)` returned at the upgrade. */
  readonly locals: Locals
  /** The application's own, per connection and channel. */
  readonly state: Record<string, unknown>
  readonly log: Logger
  // Not `Sent<D>` nor `Received<D>` where a name is to be given: errors print these as they are written, and the names are wanted.
  /** Sends to this connection alone, on this channel. Throws `FST_CHANNELS_OUTGOING` when the payload breaks its schema. */
  send<T extends keyof D['fromServer'] & string> (type: T, ...payload: PayloadArgument<ServerPayloadOf<D, T>>): void
  /**
   * Sends to every member of the channel; a connection's own contract has none. Resolves once the members on this node have it; a message of
   * the log, once it is in the log.
   * Rejects with `FST_CHANNELS_OUTGOING` when the payload, projected to its schema, breaks it; for a message of the log also with `Behind`, `history_full`, or
   * `unavailable`: then nobody knows whether it is in the log, and the handler's message is answered with that, whatever it does.
   */
  broadcast<T extends D['pattern'] extends '' ? never : keyof D['fromServer'] & string> (
    type: T, ...payload: PayloadArgument<ServerPayloadOf<D, T>, [options?: OptionsOf<D, T>]>
  ): Promise<OutcomeOf<D, T>>
}

/** What a handler sees, on top of its channel: the message at hand. */
export interface MessageContext<D extends ChannelDefinition, K extends ClientMessageType<D>> extends ChannelContext<D> {
  /** Unique for this message; where it is declared `once`, the same when it comes again. */
  readonly messageId: string
  /** Aborted when the handler ran out of time or the connection is gone. */
  readonly signal: AbortSignal
  /** One of the message's declared errors: throw it, and the sender gets it. */
  error<C extends keyof ErrorsOf<D, K> & string> (code: C, data: ErrorData<ErrorsOf<D, K>, C>): MessageError
}

export interface Handler<D extends ChannelDefinition, K extends ClientMessageType<D>> {
  (ctx: MessageContext<D, K>, payload: ClientPayloadOf<D, K>): Awaitable<ReplyOf<D, K>>
}

/** A handler for every message that the contract lets clients send. */
export type Handlers<D extends ChannelDefinition> = { readonly [K in ClientMessageType<D>]: Handler<D, K> }

interface Behaviour<D extends ChannelDefinition> {
  /** May this connection join? Anything but `true` is answered `forbidden`. Left out: everyone whom the route admits. */
  readonly authorize?: (ctx: ChannelContext<D>) => Awaitable<boolean>
  /** Runs once the connection is a member. */
  readonly joined?: (ctx: ChannelContext<D>) => Awaitable<void>
  /** Runs once the connection is no longer a member, after whatever it had still sent. */
  readonly left?: (ctx: ChannelContext<D>, reason: LeaveReason) => Awaitable<void>
  readonly on: Handlers<D>
}

interface PresenceBehaviour<D extends ChannelDefinition> {
  /** What others see of this user in the channel. */
  readonly presence: (ctx: ChannelContext<D>) => Awaitable<PresenceOf<D>>
}

export type Implementation<D extends ChannelDefinition> = Behaviour<D> &
  (D extends { readonly presence: object } ? PresenceBehaviour<D> : { readonly presence?: never })

/** A contract with its behaviour, its types erased: what a route is given. */
export interface ImplementedChannel {
  readonly channel: AnyChannel
  readonly implementation: ErasedImplementation
}

/** The same functions as an `Implementation`, as dispatch sees them: it has validated what they are called with. */
export interface ErasedImplementation {
  readonly authorize?: (ctx: unknown) => Awaitable<boolean>
  readonly presence?: (ctx: unknown) => Awaitable<unknown>
  readonly joined?: (ctx: unknown) => Awaitable<void>
  readonly left?: (ctx: unknown, reason: LeaveReason) => Awaitable<void>
  readonly on: Readonly<Record<string, (ctx: unknown, payload: unknown) => unknown>>
}

/** Gives a contract its behaviour. A handler that is missing, misspelt or wrongly typed does not compile. */
export function implement<D extends ChannelDefinition> (channel: Channel<D>, implementation: Implementation<D>): ImplementedChannel {
  return { channel, implementation: implementation as unknown as ErasedImplementation }
}

/**
 * One handler in a file of its own: `export const send = handler(chat, 'message.send', async (ctx, { text }) => …)`.
 * Collect them with `export { send as 'message.send' } from './send.js'` and `import * as on`.
 */
export function handler<D extends ChannelDefinition, K extends keyof D['fromClient'] & string> (_channel: Channel<D>, _type: K, handle: Handler<D, K>): Handler<D, K> {
  return handle
}
