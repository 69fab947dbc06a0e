import type { TSchema } from '@sinclair/typebox'
import type { ChannelDefinition } from './define-channel.ts'

/** The types a client may send on a channel. */
export type ClientMessageType<D extends ChannelDefinition> = keyof D['fromClient'] & string

/** The types the server may send on a channel. */
export type ServerMessageType<D extends ChannelDefinition> = keyof D['fromServer'] & string

// `T['static']`, not `Static<T>`: a quarter fewer instantiations at 150 messages.
type Payload<M> = M extends { readonly payload: infer P extends TSchema } ? P['static'] : undefined

export type ClientPayloadOf<D extends ChannelDefinition, K extends ClientMessageType<D>> = Payload<D['fromClient'][K]>
export type ServerPayloadOf<D extends ChannelDefinition, K extends ServerMessageType<D>> = Payload<D['fromServer'][K]>

export type ReplyOf<D extends ChannelDefinition, K extends ClientMessageType<D>> =
  D['fromClient'][K] extends { readonly reply: infer R extends TSchema } ? R['static'] : void

/** The declared errors of a message: code to schema. */
export type ErrorsOf<D extends ChannelDefinition, K extends ClientMessageType<D>> =
  D['fromClient'][K] extends { readonly errors: infer E extends Readonly<Record<string, TSchema>> } ? E : {}

// Not `E[C] extends TSchema ? E[C]['static']`: while `C` is being inferred that recurses without end (TS2589).
export type ErrorData<E, C extends keyof E> = E[C] extends { readonly static: infer S } ? S : never

export type ParamsOf<D extends ChannelDefinition> =
  D extends { readonly params: infer P extends TSchema } ? P['static'] : {}

export type PresenceOf<D extends ChannelDefinition> =
  D extends { readonly presence: infer P extends TSchema } ? P['static'] : never

/** Whether a message of the server's goes through its channel's log. */
export type IsPersistent<D extends ChannelDefinition, T extends ServerMessageType<D>> =
  D extends { readonly history: object } ? D['fromServer'][T] extends { readonly ephemeral: true } ? false : true : false

/** The state that the channel's snapshots hold. */
export type SnapshotOf<D extends ChannelDefinition> =
  NonNullable<D['history']> extends { readonly snapshot: infer K extends TSchema } ? K['static'] : never

/** A payload as an argument list, perhaps with more behind it: a message without one is sent by its type alone. */
export type PayloadArgument<P, More extends readonly unknown[] = []> = undefined extends P ? [payload?: P, ...More] : [payload: P, ...More]
