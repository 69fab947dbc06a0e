import type { ControlWord, PresenceListKind } from '../protocol/control-messages.ts'
import type { ReservedCode } from '../protocol/errors.ts'
import type { ParamNames, ParamsRule, PatternNames } from './pattern.ts'
import type { TypeBoxObject, TypeBoxSchema } from './schema/typebox-schema.ts'

/** A message that a client may send. */
export interface FromClientDefinition {
  /**
   * The schema of the payload. The server refuses any other payload with `invalid_payload`.
   * @default The message has no payload.
   */
  readonly payload?: TypeBoxSchema
  /**
   * The schema of the handler's result, which the `ack` contains.
   * @default The ack is empty.
   */
  readonly reply?: TypeBoxSchema
  /**
   * The errors that the handler may throw with `ctx.error(code, data)`: each code with the schema of its data.
   * @default The handler has no errors of its own.
   */
  readonly errors?: Readonly<Record<string, TypeBoxSchema>>
  /**
   * A user may send `max` messages within `timeWindow` milliseconds, counted over all connections of the user.
   * @default Only the limits of the connection apply.
   */
  readonly rateLimit?: { readonly max: number, readonly timeWindow: number }
  /**
   * A client may send the message again under the same id, on any connection and node. It then has one effect and gets
   * the same reply, because its persistent messages are appended only the first time. The handler itself may run more
   * than once with the same `ctx.messageId`, so use that id to make writes to your own database idempotent.
   * @default A message that is sent again is handled again.
   */
  readonly idempotent?: true
}

/** A message that the server may send. */
export interface FromServerDefinition {
  /**
   * The schema of the payload. Properties that it does not declare are removed before the message is sent.
   * @default The message has no payload.
   */
  readonly payload?: TypeBoxSchema
  /**
   * The message does not go through the history, on a channel that has a history.
   * @default The message is persistent where the channel has a history.
   */
  readonly ephemeral?: true
  /**
   * The treatment of the message for a connection that reads too slowly.
   *
   * - `'disconnect'`: the message waits. The connection is closed with 1013 when its send queue exceeds the option
   *   `limits.sendQueueBytes`.
   * - `'skip'` (persistent messages only): waiting messages are left out, and the connection gets one `resync` when it
   *   reads again.
   * - `'drop'` (ephemeral messages only): the message is left out while an earlier write is unfinished.
   * - `{ latest: '/userId' }` (ephemeral messages only): the message replaces a waiting one of the same type that has
   *   the same value at this JSON pointer into the payload.
   * @default 'disconnect'
   */
  readonly whenSlow?: 'disconnect' | 'skip' | 'drop' | { readonly latest: string }
}

/** The history of a channel: the newest messages, in one order for all clients. */
export interface HistoryDefinition {
  /** The number of messages that the history keeps. Messages after the newest snapshot are kept beyond it. */
  readonly limit: number
  /** The time in milliseconds that each message is kept. */
  readonly ttl: number
  /**
   * The number of newest messages for a client that joins for the first time, on a channel without a snapshot.
   * @default `limit`
   */
  readonly initial?: number
  /**
   * The schema of the state that `append(…, { after, snapshot })` stores.
   * @default The channel has no snapshots.
   */
  readonly snapshot?: TypeBoxSchema
}

/** The presence of a channel, with what its members learn of it. */
export interface PresenceDefinition {
  /** The schema of the data of a user. */
  readonly data: TypeBoxSchema
  /**
   * What the members of the channel learn: `'all'` users with their data, only the number of users (`'count'`), or
   * nothing (`'none'`). The server can always ask for the number. Use `'count'` for rooms with thousands of users.
   * @default 'all'
   */
  readonly list?: PresenceListKind
}

/** The declared messages of both directions, by type. */
export interface Messages {
  readonly fromClient: Readonly<Record<string, FromClientDefinition>>
  readonly fromServer: Readonly<Record<string, FromServerDefinition>>
}

/** The declaration of one kind of channel. */
export interface ChannelDefinition extends Messages {
  /** The address, such as `chat/:room`. A `:name` matches any one segment between slashes. At most 256 characters. */
  readonly pattern: string
  /**
   * The schema of the params: an object of strings with exactly the names of the pattern.
   * @default The pattern has no names.
   */
  readonly params?: TypeBoxObject
  /**
   * The schema of the data that other users in the channel see of a user; or that schema with what they see.
   * @default The channel has no presence.
   */
  readonly presence?: TypeBoxSchema | PresenceDefinition
  /**
   * The history from which returning clients get missed messages.
   * @default All messages are ephemeral: a disconnected client misses them.
   */
  readonly history?: HistoryDefinition
}

/** The contract of one kind of channel. The server, the browser and tests share this one value. */
export interface Channel<D extends ChannelDefinition> {
  readonly pattern: D['pattern']
  readonly definition: D
}

export type AnyChannel = Channel<ChannelDefinition>

// TypeScript does not check a `const` type parameter for excess properties, so these types do. They refuse an option
// with an interface instead of a string literal: two different literals intersect to `never`, which would make the
// whole definition `never` and report an error at each of its properties.
interface Refused<Why extends string> { readonly refused: Why }
type Only<T, Known> = {
  readonly [K in keyof T]: K extends Known ? unknown : Refused<`there is no option '${K & string}'`>
}
// Each rule first checks the union of all messages, which is cheap. Only if that fails, it checks every message.
type OnlyEach<T, Known> = [{ [K in keyof T]: keyof T[K] }[keyof T]] extends [Known]
  ? unknown
  : { readonly [K in keyof T]: Only<T[K], Known> }
type NoneOf<T, Taken, Why extends string> = [keyof T & Taken] extends [never]
  ? unknown
  : { readonly [K in keyof T as K extends Taken ? K : never]: `'${K & string}' is ${Why}` }
type NotReserved<T> = NoneOf<T, ControlWord, 'a control word of the protocol'>
type OwnErrors<T> = [{ [K in keyof T]: ErrorCodes<T[K]> }[keyof T] & ReservedCode] extends [never]
  ? unknown
  : {
      readonly [K in keyof T]: T[K] extends { readonly errors: infer E }
        ? { readonly errors: NoneOf<E, ReservedCode, "a code of the protocol's own catalogue"> }
        : unknown
    }
type ErrorCodes<M> = M extends { readonly errors: infer E } ? keyof E : never

type MessageRules<D extends Messages> = {
  readonly fromClient:
    & OnlyEach<D['fromClient'], keyof FromClientDefinition>
    & NotReserved<D['fromClient']>
    & OwnErrors<D['fromClient']>
  readonly fromServer: OnlyEach<D['fromServer'], keyof FromServerDefinition> & NotReserved<D['fromServer']>
}

// A schema has members of its own.
type PresenceRule<P> = P extends TypeBoxSchema ? unknown : { readonly presence: Only<P, keyof PresenceDefinition> }

/** The rules of a definition. A property that breaks a rule gets the explanation as its expected type. */
export type ChannelRules<D extends ChannelDefinition> =
  & Only<D, keyof ChannelDefinition>
  & (D extends { readonly history: infer L } ? { readonly history: Only<L, keyof HistoryDefinition> } : unknown)
  & (D extends { readonly presence: infer P } ? PresenceRule<P> : unknown)
  & ParamsRule<D, PatternNames<D['pattern']>, ParamNames<D>>
  & MessageRules<D>

/** A connection cannot have idempotent messages, because their replies are stored for each channel. */
type NotIdempotent<D extends Messages> = {
  readonly fromClient: OnlyEach<D['fromClient'], Exclude<keyof FromClientDefinition, 'idempotent'>>
}

export type ConnectionRules<D extends Messages> = Only<D, keyof Messages> & MessageRules<D> & NotIdempotent<D>

/**
 * Declares a kind of channel. Only the types are checked here, so that a browser does not load the schema compiler.
 * The server checks the contract when a route registers it, and throws a `ContractError` with the path of the mistake.
 */
export function defineChannel<const D extends ChannelDefinition> (definition: D & ChannelRules<D>): Channel<D> {
  return { pattern: definition.pattern, definition }
}

/** The contract of messages that belong to a connection instead of a channel. */
export type ConnectionContract<D extends Messages> =
  Channel<{ readonly pattern: '', readonly fromClient: D['fromClient'], readonly fromServer: D['fromServer'] }>

/** Declares messages that belong to a connection. A route serves at most one such contract. */
export function defineConnection<const D extends Messages> (messages: D & ConnectionRules<D>): ConnectionContract<D> {
  const { fromClient, fromServer } = messages
  return { pattern: '', definition: { pattern: '', fromClient, fromServer } }
}
