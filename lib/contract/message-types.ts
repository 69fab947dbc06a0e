import type { ChannelDefinition } from './define-channel.ts'
import type { TypeBoxSchema } from './schema/typebox-schema.ts'

/** The types of the messages that a client may send on a channel. */
export type ClientMessageType<D extends ChannelDefinition> = keyof D['fromClient'] & string

/** The types of the messages that the server may send on a channel. */
export type ServerMessageType<D extends ChannelDefinition> = keyof D['fromServer'] & string

// `T['static']` takes a quarter fewer instantiations than `Static<T>` at 150 messages.
type Payload<M> = M extends { readonly payload: infer P extends TypeBoxSchema } ? P['static'] : undefined

/** The payload of a message from the client; `undefined` where it has none. */
export type ClientPayloadOf<D extends ChannelDefinition, K extends ClientMessageType<D>> = Payload<D['fromClient'][K]>

/** The payload of a message from the server; `undefined` where it has none. */
export type ServerPayloadOf<D extends ChannelDefinition, K extends ServerMessageType<D>> = Payload<D['fromServer'][K]>

/** The result of a message's handler; `void` where the contract declares no reply. */
export type ReplyOf<D extends ChannelDefinition, K extends ClientMessageType<D>> =
  D['fromClient'][K] extends { readonly reply: infer R extends TypeBoxSchema } ? R['static'] : void

/** The declared errors of a message: each code with its schema. */
export type ErrorsOf<D extends ChannelDefinition, K extends ClientMessageType<D>> =
  D['fromClient'][K] extends { readonly errors: infer E extends Readonly<Record<string, TypeBoxSchema>> } ? E : {}

// `E[C] extends TypeBoxSchema ? E[C]['static']` would recurse without end while `C` is being inferred (TS2589).
/** The data of one declared error. */
export type ErrorData<E, C extends keyof E> = E[C] extends { readonly static: infer S } ? S : never

/** The params of a channel; `{}` where its pattern has no names. */
export type ParamsOf<D extends ChannelDefinition> =
  D extends { readonly params: infer P extends TypeBoxSchema } ? P['static'] : {}

/** The presence data of a user; `never` where the channel has no presence. */
export type PresenceOf<D extends ChannelDefinition> =
  D extends { readonly presence: infer P extends TypeBoxSchema } ? P['static']
    : D extends { readonly presence: { readonly data: infer P extends TypeBoxSchema } } ? P['static'] : never

/** Whether a message from the server goes through the history of its channel. */
export type IsPersistent<D extends ChannelDefinition, T extends ServerMessageType<D>> =
  D extends { readonly history: object }
    ? D['fromServer'][T] extends { readonly ephemeral: true } ? false : true
    : false

/** The state in a channel's snapshots; `never` where the channel has none. */
export type SnapshotOf<D extends ChannelDefinition> =
  NonNullable<D['history']> extends { readonly snapshot: infer K extends TypeBoxSchema } ? K['static'] : never

/** The payload as an argument list, followed by `More`. The payload is optional where the message has none. */
export type PayloadArgument<P, More extends readonly unknown[] = []> =
  undefined extends P ? [payload?: P, ...More] : [payload: P, ...More]
