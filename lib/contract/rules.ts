import type { ControlWord } from '../protocol/control-messages.ts'
import type { ReservedCode } from '../protocol/errors.ts'
import type {
  ChannelDefinition, FromClientDefinition, FromServerDefinition, HistoryDefinition, Messages, PresenceDefinition
} from './definition.ts'
import type { ParamNames, ParamsRule, PatternNames } from './pattern.ts'
import type { TypeBoxSchema } from './schema/typebox-schema.ts'

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
