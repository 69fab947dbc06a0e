import type { TSchema } from '@sinclair/typebox'
import type { ChannelDefinition } from './definition.ts'

/** The types a client may send on a channel. */
export type Received<D extends ChannelDefinition> = keyof D['fromClient'] & string

/** The types the server may send on a channel. */
export type Sent<D extends ChannelDefinition> = keyof D['fromServer'] & string

// `T['static']`, not `Static<T>`: a quarter fewer instantiations at 150 messages.
type Payload<M> = M extends { readonly payload: infer P extends TSchema } ? P['static'] : undefined

export type PayloadOf<D extends ChannelDefinition, K extends Received<D>> = Payload<D['fromClient'][K]>
export type SentPayloadOf<D extends ChannelDefinition, K extends Sent<D>> = Payload<D['fromServer'][K]>

export type ReplyOf<D extends ChannelDefinition, K extends Received<D>> =
  D['fromClient'][K] extends { readonly reply: infer R extends TSchema } ? R['static'] : void

/** The declared errors of a message: code to schema. */
export type ErrorsOf<D extends ChannelDefinition, K extends Received<D>> =
  D['fromClient'][K] extends { readonly errors: infer E extends Readonly<Record<string, TSchema>> } ? E : {}

// Not `E[C] extends TSchema ? E[C]['static']`: while `C` is being inferred that recurses without end (TS2589).
export type ErrorData<E, C extends keyof E> = E[C] extends { readonly static: infer S } ? S : never

export type ParamsOf<D extends ChannelDefinition> =
  D extends { readonly params: infer P extends TSchema } ? P['static'] : {}

export type PresenceOf<D extends ChannelDefinition> =
  D extends { readonly presence: infer P extends TSchema } ? P['static'] : never

/** Whether a message of the server's goes through its channel's log. */
export type IsLogged<D extends ChannelDefinition, T extends Sent<D>> =
  D extends { readonly log: object } ? D['fromServer'][T] extends { readonly ephemeral: true } ? false : true : false

/** The state that the channel's keyframes hold. */
export type KeyframeOf<D extends ChannelDefinition> =
  NonNullable<D['log']> extends { readonly keyframe: infer K extends TSchema } ? K['static'] : never

/** A payload as an argument list, perhaps with more behind it: a message without one is sent by its type alone. */
export type PayloadArgument<P, More extends readonly unknown[] = []> = undefined extends P ? [payload?: P, ...More] : [payload: P, ...More]
