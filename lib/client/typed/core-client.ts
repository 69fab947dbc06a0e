import type { TObject, TString, TUnknown } from '@sinclair/typebox'
import type { AnyChannel, Channel, ChannelDefinition, HistoryDefinition } from '../../contract/define-channel.ts'
import type { ParamsOf } from '../../contract/message-types.ts'
import type { Unsubscribe } from '../listeners.ts'
import type { ClientState } from '../client.ts'
import type { CoreChannel, CoreJoinOptions, CoreListenOptions } from './typed-channel.ts'
import type { CoreMessaging } from './typed-messaging.ts'
import type { ConnectError } from '../transport/connect-error.ts'
import type { CloseInfo } from '../transport/web-socket.ts'

interface NoMessages {
  readonly pattern: ''
  readonly fromClient: {}
  readonly fromServer: {}
}

/** The contract of the connection itself among `C`, if there is one. */
type ConnectionOf<C extends AnyChannel> = Extract<C, { readonly pattern: '' }>
export type ConnectionDefinition<C extends AnyChannel> =
  [ConnectionOf<C>] extends [never] ? NoMessages : ConnectionOf<C>['definition']

/** The definition among `C` that has the pattern `P`. */
type DefinitionAt<C extends AnyChannel, P> =
  C extends { readonly pattern: infer Q } ? P extends Q ? C['definition'] : never : never

/** The definition of the channel that `join` gets, as a contract or as a pattern. */
export type JoinedDefinition<C extends AnyChannel, T> = T extends AnyChannel ? T['definition'] : DefinitionAt<C, T>

/** `O`: the options of the client's `join`. */
export type ParamsArgument<D extends ChannelDefinition, O> = D extends { readonly params: object }
  ? {} extends ParamsOf<D>
      ? [params?: ParamsOf<D>, options?: O]
      : [params: ParamsOf<D>, options?: O]
  : [params?: Readonly<Record<string, never>>, options?: O]

// A channel with a history requires options. Without a contract any channel may have one.
export type WithOptions<D extends ChannelDefinition, O> =
  'history' extends keyof D ? [params: ParamsOf<D>, options: O] : [params: never, options: never]

// The explanation becomes the expected type of the first argument. A misspelt pattern makes `T` all that `join` takes,
// patterns and contracts: then those are expected.
export type NeedsNoOptions<D extends ChannelDefinition, T> = [T] extends [string] | [AnyChannel] ? NoHistory<D, T> : T
type NoHistory<D extends ChannelDefinition, T> =
  D extends { readonly history: object }
    ? `'${D['pattern']}' has a history: pass { onResync } as the third argument of join`
    : T

/** The members that every client has, besides `join`. */
export interface BaseClient<C extends AnyChannel> extends CoreMessaging<ConnectionDefinition<C>> {
  /** The current state: `idle`, `connecting`, `recovering`, `open` or `closed`. */
  readonly state: ClientState

  /**
   * Adds a listener for changes of the state. When a connection ended, it also gets the close code and reason.
   * @returns A function that removes the listener.
   */
  onState (listener: (state: ClientState, close: CloseInfo | undefined) => void): Unsubscribe

  /** The last failed attempt to connect; undefined once a connection is open. */
  readonly lastError: ConnectError | undefined

  /**
   * Adds a listener that is called for every failed attempt to connect, with the reason and whether the client tries
   * again. A browser does not say why a WebSocket is refused, so the client asks the server by a `GET` of the same URL,
   * at most every 30 s.
   * @returns A function that removes the listener.
   * @example client.onConnectError(({ status, reason, retryIn }) => { show(status, reason, retryIn) })
   */
  onConnectError (listener: (error: ConnectError) => void): Unsubscribe

  /**
   * Connects a client that is idle or closed. Its channels are joined again, with their listeners.
   * @throws {TypeError} When the URL is relative and there is no page, as on a server.
   */
  open (): void

  /**
   * Closes the client, until `open` is called. Pending sends and joins reject with `closed`. The user leaves the
   * channels at once, without the grace period of a lost connection.
   */
  close (): void
}

/**
 * A client of one WebSocket route. It opens a connection at once and opens a new one whenever the connection is lost,
 * until `close` is called or the server closes the connection for good. `TypedClient` has more members.
 *
 * `C`: the contracts of the route, as a union; at most one of them is the contract of the connection itself.
 * `V`: the contracts that `join` takes as values. Leave it out: only `UntypedClient` sets it, which knows no contract
 * of the route and still takes the value of any.
 */
export interface CoreClient<C extends AnyChannel, V extends AnyChannel = C> extends BaseClient<C> {
  /** Joins a channel, as `TypedClient.join` does. */
  join<T extends Exclude<C['pattern'], ''> | Exclude<V, { readonly pattern: '' }>> (
    channel: T,
    ...paramsAndOptions: WithOptions<JoinedDefinition<C, T>, CoreJoinOptions<JoinedDefinition<C, T>>>
  ): Promise<CoreChannel<JoinedDefinition<C, T>>>
  join<T extends Exclude<C['pattern'], ''> | Exclude<V, { readonly pattern: '' }>> (
    channel: NeedsNoOptions<JoinedDefinition<C, T>, T>,
    ...params: ParamsArgument<JoinedDefinition<C, T>, CoreListenOptions<JoinedDefinition<C, T>>>
  ): Promise<CoreChannel<JoinedDefinition<C, T>>>
}

/** The definition of a channel whose contract is not known: a message of any type carries any payload. */
export interface UnknownDefinition<P extends string> extends ChannelDefinition {
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

export type UntypedCoreClient =
  CoreClient<Channel<UnknownDefinition<string>> | Channel<UnknownDefinition<''>>, AnyChannel>
