import type { AnyChannel, Channel } from '../../contract/define-channel.ts'
import type { Unsubscribe } from '../listeners.ts'
import type {
  BaseClient, ConnectionDefinition, JoinedDefinition, NeedsNoOptions, ParamsArgument, UnknownDefinition, WithOptions
} from './core-client.ts'
import type { CallOptions } from '../requests/call.ts'
import type { JoinOptions, ListenOptions, TypedChannel } from './typed-channel.ts'
import type { TypedMessaging } from './typed-messaging.ts'

/**
 * A client of one WebSocket route. It opens a connection at once and opens a new one whenever the connection is lost,
 * until `close` is called or the server closes the connection for good.
 *
 * `C`: the contracts of the route, as a union; at most one of them is the contract of the connection itself.
 * `V`: the contracts that `join` takes as values. Leave it out: only `UntypedClient` sets it, which knows no contract
 * of the route and still takes the value of any.
 */
export interface TypedClient<C extends AnyChannel, V extends AnyChannel = C>
  extends BaseClient<C>, TypedMessaging<ConnectionDefinition<C>> {
  /**
   * Resolves when a connection is open, at once on an open client.
   * @throws {RequestError} `disconnected` when there is none within `timeout`, by default `ConnectOptions.timeout`; its
   *   `cause` is the last failure; `closed` on a closed client. Rejects with the reason of `signal` when that aborts.
   */
  ready (options?: CallOptions): Promise<void>

  /**
   * Calls `token` and sends the server the new token now; without a connection, the client tries to connect at once.
   * @throws {RequestError} `invalid_token` and other refusals of the server. Rejects also with the error of `token`.
   */
  refresh (): Promise<void>

  /**
   * Joins a channel, given as its contract or its pattern. Waits for a connection if there is none. The time limit is
   * `timeout`, by default `ConnectOptions.timeout`, over any number of reconnects.
   *
   * A further `join` of an address gives a further handle on the same membership, with listeners of its own. It gets
   * the presence and the history as the first one did.
   *
   * A channel with a history takes its params, `{}` without any, and then options.
   * @throws {RequestError} With a code of docs/protocol.md section 6 (`forbidden`, `unknown_channel`, …), or with
   *   `timeout` or `closed`, and the last failure to connect as `cause`. Rejects with the reason of `signal` when that
   *   aborts.
   * @throws {UsageError} When a param is missing, empty or contains a slash.
   * @example const lobby = await client.join('chat/:room', { room: 'lobby' }, { onResync: () => { list.clear() } })
   */
  join<T extends Exclude<C['pattern'], ''> | Exclude<V, { readonly pattern: '' }>> (
    channel: T,
    ...paramsAndOptions: WithOptions<JoinedDefinition<C, T>, JoinOptions<JoinedDefinition<C, T>>>
  ): Promise<TypedChannel<JoinedDefinition<C, T>>>
  join<T extends Exclude<C['pattern'], ''> | Exclude<V, { readonly pattern: '' }>> (
    channel: NeedsNoOptions<JoinedDefinition<C, T>, T>,
    ...params: ParamsArgument<JoinedDefinition<C, T>, ListenOptions<JoinedDefinition<C, T>>>
  ): Promise<TypedChannel<JoinedDefinition<C, T>>>

  /**
   * Adds a listener for channels to which the server adds the client, given by their contract or their pattern. It gets
   * a handle with listeners of its own, as from `join`: a later `join` of the address shares the membership, and the
   * last handle to `leave` leaves. Add listeners of messages, and `channel.onResync`, at once: the history follows.
   *
   * Without such a listener the client stays a member. A listener that is added later gets these channels too, unless
   * they were joined by `join` meanwhile.
   * @returns A function that removes the listener. The handles stay.
   * @example client.onJoined('call/:id', (call) => { call.on('said', show) })
   */
  onJoined<T extends Exclude<C['pattern'], ''> | Exclude<V, { readonly pattern: '' }>> (
    channel: T, listener: (channel: TypedChannel<JoinedDefinition<C, T>>) => void
  ): Unsubscribe
}

/** A client without contracts: received payloads are `unknown`. A channel that is joined by its contract is typed. */
export type UntypedClient = TypedClient<Channel<UnknownDefinition<string>> | Channel<UnknownDefinition<''>>, AnyChannel>
