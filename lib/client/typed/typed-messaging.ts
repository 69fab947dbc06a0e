import type { ChannelDefinition } from '../../contract/define-channel.ts'
import type {
  ClientMessageType, ClientPayloadOf, ErrorData, ErrorsOf, IsPersistent, PayloadArgument, ReplyOf, ServerPayloadOf
} from '../../contract/message-types.ts'
import type { Unsubscribe } from '../listeners.ts'
import type { FailureCode, RequestError } from '../request-error.ts'
import type { CallOptions } from '../requests/call.ts'

type DeclaredCode<D extends ChannelDefinition, K extends ClientMessageType<D>> = keyof ErrorsOf<D, K> & string

/** The errors that a message declares, as a union to `switch` over by `code`. */
export type DeclaredError<D extends ChannelDefinition, K extends ClientMessageType<D>> =
  { [E in DeclaredCode<D, K>]: RequestError<E, ErrorData<ErrorsOf<D, K>, E>> }[DeclaredCode<D, K>]

/** What `trySend` resolves to: the reply, or the failure. */
export type SendResult<D extends ChannelDefinition, K extends ClientMessageType<D>> =
  | { readonly ok: true, readonly reply: ReplyOf<D, K> }
  | { readonly ok: false, readonly error: DeclaredError<D, K> | RequestError<FailureCode> }

/** The entry of a persistent message in the history of its channel. */
export interface EntryInfo {
  /** Counts the entries of the history, by one each. */
  readonly offset: number
  /** Identifies the message. For an idempotent message it is the `ctx.messageId` of the handler that sent it. */
  readonly id: string
  /** The chain hash of the entry. */
  readonly hash: string
}

// Without a contract any message may be persistent.
type EntryOf<D extends ChannelDefinition, K extends keyof D['fromServer'] & string> =
  IsPersistent<D, K> extends true
    ? [entry: EntryInfo]
    : D extends { readonly history: object } ? [] : 'history' extends keyof D ? [entry?: EntryInfo] : []

/** Listeners by the type of their message. */
export type ChannelListeners<D extends ChannelDefinition> = {
  readonly [K in keyof D['fromServer'] & string]?: (payload: ServerPayloadOf<D, K>, ...entry: EntryOf<D, K>) => void
}

// A message without declared errors gets the explanation as the expected type of `code`.
type CodeArgument<D extends ChannelDefinition, K extends ClientMessageType<D>, E> =
  [DeclaredCode<D, K>] extends [never] ? `'${K}' declares no errors` : E

// The constraints below are written out, because the compiler prints a constraint as it is written.
/** The messages of a channel, or of the connection itself, in every client. */
export interface CoreMessaging<D extends ChannelDefinition> {
  /**
   * Adds a listener for messages of one type. It stays across reconnects. A persistent message comes with its entry;
   * persistent messages arrive in the order of the history, each exactly once.
   * @returns A function that removes the listener.
   * @example channel.on('message.posted', ({ text }, { offset }) => show(offset, text))
   */
  on<K extends keyof D['fromServer'] & string> (
    type: K, listener: (payload: ServerPayloadOf<D, K>, ...entry: EntryOf<D, K>) => void
  ): Unsubscribe

  /**
   * Sends a message and resolves with its reply. The promise always settles. `options`: `timeout` in milliseconds, and
   * a `signal` that ends the call.
   *
   * On a client that was never connected the message waits for the connection. An idempotent message also waits while
   * the channel is not joined. It is sent again under the same id when its connection is lost or the server answers
   * `unavailable` or `timeout`.
   * @throws {RequestError} With a code that the message declares, with a code of docs/protocol.md section 6, or with:
   *   `disconnected` (there is no connection, or it was lost before the reply; the error text says which and why),
   *   `timeout` (no reply in time), `not_joined` (the channel was left), `closed` (the client is closed),
   *   `payload_too_large` (the server takes no such large message), `invalid_payload` (also where JSON cannot carry the
   *   payload), `too_many_pending` (`ConnectOptions.pending` messages wait already). After `timeout`, by default 90 s,
   *   an idempotent message fails with `disconnected` when it could not be sent, else with `unknown_outcome`.
   * @example const { id } = await channel.send('message.send', { text: 'hello' })
   */
  send<K extends keyof D['fromClient'] & string> (
    type: K, ...payload: PayloadArgument<ClientPayloadOf<D, K>, [options?: CallOptions]>
  ): Promise<ReplyOf<D, K>>

  /**
   * Whether `error` is a failure of `send` with this type on this channel, and has a code that the message declares:
   * any of them, or exactly `code`. Narrows the type of `error.data`.
   * @example if (channel.isError(error, 'message.send', 'muted')) showUntil(error.data.until)
   */
  isError<K extends keyof D['fromClient'] & string> (error: unknown, type: K): error is DeclaredError<D, K>
  isError<K extends keyof D['fromClient'] & string, E extends keyof ErrorsOf<D, K> & string> (
    error: unknown, type: K, code: CodeArgument<D, K, E>
  ): error is RequestError<E, ErrorData<ErrorsOf<D, K>, E>>
}

/** The messages of a channel, or of the connection itself. */
export interface TypedMessaging<D extends ChannelDefinition> extends CoreMessaging<D> {
  /**
   * Like `send`, but resolves with the failure instead of rejecting. Use it for messages whose loss does no harm, such
   * as `typing`.
   * @example const result = await channel.trySend('vote', 1); if (!result.ok) show(result.error.message)
   */
  trySend<K extends keyof D['fromClient'] & string> (
    type: K, ...payload: PayloadArgument<ClientPayloadOf<D, K>, [options?: CallOptions]>
  ): Promise<SendResult<D, K>>
}
