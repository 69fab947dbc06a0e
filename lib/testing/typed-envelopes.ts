import type { AnyChannel } from '../contract/define-channel.ts'
import type { ClientPayloadOf, PayloadArgument, ReplyOf, ServerPayloadOf } from '../contract/message-types.ts'
import type { ControlWord, JoinAck } from '../protocol/control-messages.ts'
import type { Envelope } from '../protocol/envelope.ts'
import type { ErrorPayload } from '../protocol/errors.ts'
import type { HistoryPage } from '../protocol/history.ts'

/** Whether `C` is no contract in particular: then every message is allowed, and its payload is `unknown`. */
type IsUntyped<C extends AnyChannel> = string extends C['pattern'] ? true : false

/** The addresses that match a pattern: `chat/${string}` for `chat/:room`. A connection has no address. */
export type AddressOf<P extends string> = P extends '' ? undefined : Filled<P>
type Filled<P extends string> =
  P extends `${infer A}:${string}/${infer Rest}` ? `${A}${string}/${Filled<Rest>}`
    : P extends `${infer A}:${string}` ? `${A}${string}` : P

type Address<C extends AnyChannel> = AddressOf<Exclude<C['pattern'], ''>>

type ClientTypes<C extends AnyChannel> = C extends AnyChannel ? keyof C['definition']['fromClient'] & string : never
type ServerTypes<C extends AnyChannel> = C extends AnyChannel ? keyof C['definition']['fromServer'] & string : never

/** The payload of a `history`. */
interface HistoryRequest {
  readonly before?: number
  readonly limit?: number
  readonly epoch?: string
}

/** The control messages of a client, with their arguments. */
interface ControlArguments<C extends AnyChannel> {
  join: [channel: Address<C>, payload?: unknown, correlationId?: string]
  history: [channel: Address<C>, payload?: HistoryRequest, correlationId?: string]
  leave: [channel: Address<C>, payload?: undefined, correlationId?: string]
  refresh: [channel: undefined, payload: { readonly token: string }, correlationId?: string]
  ping: [channel?: undefined, payload?: undefined, correlationId?: string]
}

/** The types of the messages that a test client may request. */
export type RequestType<C extends AnyChannel> =
  IsUntyped<C> extends true ? string : ClientTypes<C> | keyof ControlArguments<C>

/** What `request` takes after the type: the channel, the payload, a correlation id. */
export type RequestArguments<C extends AnyChannel, K> =
  IsUntyped<C> extends true ? [channel?: string, payload?: unknown, correlationId?: string]
    : K extends keyof ControlArguments<C> ? ControlArguments<C>[K] : DeclaredArguments<C, K>

type DeclaredArguments<C extends AnyChannel, K> = C extends AnyChannel
  ? K extends keyof C['definition']['fromClient'] & string
    ? Arguments<AddressOf<C['pattern']>, ClientPayloadOf<C['definition'], K>>
    : never
  : never

type Arguments<A, P> = undefined extends A | P
  ? A extends undefined
    ? undefined extends P
      ? [channel?: undefined, ...PayloadArgument<P, [correlationId?: string]>]
      : [channel: undefined, ...PayloadArgument<P, [correlationId?: string]>]
    : [channel: A, ...PayloadArgument<P, [correlationId?: string]>]
  : [channel: A, payload: P, correlationId?: string]

/** The reply to a request. */
export type Reply<C extends AnyChannel, K> = IsUntyped<C> extends true
  ? Envelope
  : (Envelope & { readonly type: 'ack', readonly payload: AckPayload<C, K> })
  | (Envelope & { readonly type: 'error', readonly payload: ErrorPayload })

type AckPayload<C extends AnyChannel, K> =
  K extends 'join' ? JoinAck
    : K extends 'history' ? HistoryPage : K extends keyof ControlArguments<C> ? unknown : DeclaredReply<C, K>
type DeclaredReply<C extends AnyChannel, K> = C extends AnyChannel
  ? K extends keyof C['definition']['fromClient'] & string ? ReplyOf<C['definition'], K> : never
  : never

/** The types of the messages that a test client may wait for. */
export type ReceivedType<C extends AnyChannel> =
  IsUntyped<C> extends true ? string : ServerTypes<C> | ControlWord

/** A message of one of the types `K`. */
export type Received<C extends AnyChannel, K> = IsUntyped<C> extends true
  ? Envelope
  : K extends string ? Envelope & { readonly type: K, readonly payload: ReceivedPayload<C, K> } : never

type ReceivedPayload<C extends AnyChannel, K extends string> =
  K extends 'joined' ? JoinAck : K extends ControlWord ? unknown : DeclaredPayload<C, K>
type DeclaredPayload<C extends AnyChannel, K extends string> = C extends AnyChannel
  ? K extends keyof C['definition']['fromServer'] & string ? ServerPayloadOf<C['definition'], K> : never
  : never
