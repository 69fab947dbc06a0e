import type { TObject, TSchema } from '@sinclair/typebox'
import type { ControlWord } from '../protocol/control-messages.ts'
import type { ReservedCode } from '../protocol/errors.ts'

/** A message that a client may send. */
export interface FromClientDefinition {
  /** Left out: the message carries no payload. */
  readonly payload?: TSchema
  /** What the handler returns, and what the `ack` carries. Left out: the ack is empty. */
  readonly reply?: TSchema
  /** The errors a handler may throw with `ctx.error(code, data)`: code to the schema of its data. */
  readonly errors?: Readonly<Record<string, TSchema>>
  /** How many a user may send within `per` milliseconds, over all connections. Left out: as many as the connection's limits allow. */
  readonly rateLimit?: { readonly max: number, readonly timeWindow: number }
  /**
   * Sent again under the same id, on whichever connection and node, it has one effect and the same reply: its logged messages
   * are appended once. The handler itself runs at least once: `ctx.messageId` stays the same, for a database of your own.
   */
  readonly idempotent?: true
}

/** A message that the server may send. */
export interface FromServerDefinition {
  /** Left out: the message carries no payload. */
  readonly payload?: TSchema
  /** Not logged, on a channel that has a log. */
  readonly ephemeral?: true
  /**
   * What becomes of it for a connection that reads too slowly. `disconnect` (the default): it waits, and when 1 MiB waits the connection is closed
   * with 1013. Logged messages may `skip`: what waits is left out, and once the connection reads again it gets one `resync`. Others
   * may `drop`: it is left out while an earlier write is unfinished; or be the `latest`: it takes the place of a waiting one that has the
   * same value at this JSON pointer into the payload, e.g. `/userId`.
   */
  readonly whenSlow?: 'disconnect' | 'skip' | 'drop' | { readonly latest: string }
}

/** The history of a channel. */
export interface HistoryDefinition {
  /** How many messages are kept; a snapshot's are kept beyond that. */
  readonly limit: number
  /** For how many milliseconds. */
  readonly ttl: number
  /** How many of the newest messages a client gets that joins for the first time, where there is no snapshot. Default: `limit`. */
  readonly initial?: number
  /** The state that `broadcast(…, { snapshot })` stores. Left out: the channel has no snapshots. */
  readonly snapshot?: TSchema
}

/** The messages that may travel, in both directions, by type. */
export interface Messages {
  readonly fromClient: Readonly<Record<string, FromClientDefinition>>
  readonly fromServer: Readonly<Record<string, FromServerDefinition>>
}

/** Everything there is to say about one kind of channel. */
export interface ChannelDefinition extends Messages {
  /** The address, e.g. `chat/:room`: segments between `/`, a `:name` stands for any one segment. */
  readonly pattern: string
  /** An object of strings with exactly the names of the pattern. */
  readonly params?: TObject
  /** What others may know of a user who is in the channel. Left out: the channel has no presence. */
  readonly presence?: TSchema
  /** Left out: what is sent is gone; who is away misses it. */
  readonly history?: HistoryDefinition
}

/** A declared kind of channel: one value for server, browser and tests. */
export interface Channel<D extends ChannelDefinition> {
  readonly pattern: D['pattern']
  readonly definition: D
}

export type AnyChannel = Channel<ChannelDefinition>

/** Compile-time names of a pattern: `'chat/:room'` to `'room'`. */
export type PatternNames<P extends string> =
  P extends `${infer H}/${infer T}` ? PatternNames<H> | PatternNames<T>
    : P extends `:${infer N}` ? N : never

type ParamNames<D> = D extends { readonly params: TObject<infer P> } ? keyof P & string : never

type StringParams<D> = D extends { readonly params: { readonly static: infer P } }
  ? P extends Readonly<Record<string, string>> ? unknown : { readonly params: 'every name of a pattern is a string' }
  : unknown

type ParamsRule<D, Names extends string, Given extends string> =
  [Exclude<Names, Given>] extends [never]
    ? [Exclude<Given, Names>] extends [never]
        ? StringParams<D>
        : { readonly params: `'${Exclude<Given, Names>}' is not a name in the pattern` }
    : { readonly params: `the schema lacks '${Exclude<Names, Given>}', which the pattern names` }

// A `const` type parameter switches TypeScript's excess-property check off; these bring it back. An option is refused by an
// interface, not by a text: two literals have no value in common, the whole definition would become `never`, and every
// property of it be blamed.
interface Refused<Why extends string> { readonly refused: Why }
type Only<T, Known> = { readonly [K in keyof T]: K extends Known ? unknown : Refused<`there is no option '${K & string}'`> }
// Each rule first asks about all messages at once, which is cheap; only where the answer is bad it looks for the culprit.
type OnlyEach<T, Known> = [{ [K in keyof T]: keyof T[K] }[keyof T]] extends [Known] ? unknown : { readonly [K in keyof T]: Only<T[K], Known> }
type NoneOf<T, Taken, Why extends string> = [keyof T & Taken] extends [never]
  ? unknown
  : { readonly [K in keyof T as K extends Taken ? K : never]: `'${K & string}' is ${Why}` }
type NotReserved<T> = NoneOf<T, ControlWord, 'a control word of the protocol'>
type OwnErrors<T> = [{ [K in keyof T]: ErrorCodes<T[K]> }[keyof T] & ReservedCode] extends [never]
  ? unknown
  : { readonly [K in keyof T]: T[K] extends { readonly errors: infer E } ? { readonly errors: NoneOf<E, ReservedCode, "a code of the protocol's own catalogue"> } : unknown }
type ErrorCodes<M> = M extends { readonly errors: infer E } ? keyof E : never

type MessageRules<D extends Messages> = {
  readonly fromClient: OnlyEach<D['fromClient'], keyof FromClientDefinition> & NotReserved<D['fromClient']> & OwnErrors<D['fromClient']>
  readonly fromServer: OnlyEach<D['fromServer'], keyof FromServerDefinition> & NotReserved<D['fromServer']>
}

/** What makes a definition sound; a property that breaks a rule gets the explanation as its expected type. */
export type ChannelRules<D extends ChannelDefinition> =
  & Only<D, keyof ChannelDefinition>
  & (D extends { readonly history: infer L } ? { readonly history: Only<L, keyof HistoryDefinition> } : unknown)
  & ParamsRule<D, PatternNames<D['pattern']>, ParamNames<D>>
  & MessageRules<D>

/** Idempotent messages are remembered with their channel, which a connection does not have. */
type NotIdempotent<D extends Messages> = {
  readonly fromClient: OnlyEach<D['fromClient'], Exclude<keyof FromClientDefinition, 'idempotent'>>
}

export type ConnectionRules<D extends Messages> = Only<D, keyof Messages> & MessageRules<D> & NotIdempotent<D>

/**
 * Declares a kind of channel. Nothing is checked here beyond the types, so that a browser may import the value cheaply;
 * registration checks all of it again and names the spot.
 */
export function defineChannel<const D extends ChannelDefinition> (definition: D & ChannelRules<D>): Channel<D> {
  return { pattern: definition.pattern, definition }
}

/** The contract of the messages of a connection itself. */
export type ConnectionContract<D extends Messages> =
  Channel<{ readonly pattern: '', readonly fromClient: D['fromClient'], readonly fromServer: D['fromServer'] }>

/** Declares the messages of a connection itself: request and reply, and targeted sends, without a channel. */
export function defineConnection<const D extends Messages> ({ fromClient, fromServer }: D & ConnectionRules<D>): ConnectionContract<D> {
  return { pattern: '', definition: { pattern: '', fromClient, fromServer } }
}
