import type { TObject, TSchema, TString, TUnknown } from '@sinclair/typebox'
import type { AnyChannel, Channel, ChannelDefinition, HistoryDefinition } from '../contract/define-channel.ts'
import type { ParamsOf } from '../contract/message-types.ts'
import type { Unsubscribe } from './listeners.ts'
import type { ClientState } from './client.ts'
import type { JoinOptions, TypedChannel, TypedMessaging } from './typed-channel.ts'
import type { CloseInfo } from './transport/socket-attempt.ts'

interface NoMessages {
  readonly pattern: ''
  readonly fromClient: {}
  readonly fromServer: {}
}

/** The contract of the connection itself among `C`, if there is one. */
type ConnectionOf<C extends AnyChannel> = Extract<C, { readonly pattern: '' }>
type ConnectionDefinition<C extends AnyChannel> =
  [ConnectionOf<C>] extends [never] ? NoMessages : ConnectionOf<C>['definition']

/** The definition, among `C`, that has pattern `P`. */
type Picked<C extends AnyChannel, P> =
  C extends { readonly pattern: infer Q } ? P extends Q ? C['definition'] : never : never

/** The definition that `join` was given: by its contract, or by its pattern. One signature for both makes clearer errors. */
type Joined<C extends AnyChannel, T> = T extends AnyChannel ? T['definition'] : Picked<C, T>

type Params<D extends ChannelDefinition> = D extends { readonly params: TSchema }
  ? {} extends ParamsOf<D> ? [params?: ParamsOf<D>] : [params: ParamsOf<D>]
  : []

// Of a contract that is not known, a channel may have a log.
type JoinArguments<D extends ChannelDefinition> =
  D extends { readonly history: object } ? [params: ParamsOf<D>, options: JoinOptions<D>]
    : 'history' extends keyof D ? [...Params<D>, options?: JoinOptions<D>] : Params<D>

/**
 * A client of one WebSocket route. `C` are the contracts of the route: a union of channels, at most one of them the
 * contract of the connection itself. `V` are the contracts that may be given to `join` as values.
 *
 * The connection is made at once, and made again whenever it is lost, until the client is closed: by `close`, or by a server
 * that wants it to stay away.
 */
export interface TypedClient<C extends AnyChannel, V extends AnyChannel = C> extends TypedMessaging<ConnectionDefinition<C>> {
  readonly state: ClientState

  /**
   * Calls `listener` with each new state; where a connection ended, also with its close code and reason.
   * @returns a function that ends this.
   */
  onState (listener: (state: ClientState, close: CloseInfo | undefined) => void): Unsubscribe

  /**
   * Joins a channel, given as its contract or its pattern. Waits for the connection where there is none yet, across
   * reconnects if need be, for `ConnectOptions.timeout` in all.
   *
   * A channel is joined once: of two joins of one address the second is refused, also while the first is under way. Shared,
   * one holder's `leave` would take it from the other.
   *
   * A channel that has a log takes options after its params, `{}` where it has none of these: `join('metrics', {}, { onResync })`.
   * @throws {RequestError} with a code of the protocol's catalogue (`forbidden`, `unknown_channel`, …), `already_joined`,
   *   `timeout` or `closed`.
   * @throws {TypeError} when a param is missing, empty or holds a slash.
   */
  join<T extends Exclude<C['pattern'], ''> | Exclude<V, { readonly pattern: '' }>> (
    channel: T, ...params: JoinArguments<Joined<C, T>>
  ): Promise<TypedChannel<Joined<C, T>>>

  /** Ends the client for good: whatever is under way rejects with `closed`. */
  close (): void
}

/** What is known of a contract that was not given: messages of any type carry anything. */
interface Unknown<P extends string> extends ChannelDefinition {
  readonly pattern: P
  readonly params: TObject<Record<string, TString>>
  readonly fromClient: Readonly<Record<string, {
    readonly payload: TUnknown
    readonly reply: TUnknown
    readonly errors: Readonly<Record<string, TUnknown>>
  }>>
  readonly fromServer: Readonly<Record<string, { readonly payload: TUnknown }>>
  readonly presence: TUnknown
  readonly history?: HistoryDefinition & { readonly snapshot: TUnknown }
}

/** A client that was told of no contract: what arrives is `unknown`. A channel joined by its contract's value is typed. */
export type UntypedClient = TypedClient<Channel<Unknown<string>> | Channel<Unknown<''>>, AnyChannel>
