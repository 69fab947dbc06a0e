import type { ChannelDefinition } from '../contract/definition.ts'
import type {
  ErrorData, ErrorsOf, PayloadArgument, PayloadOf, PresenceOf, Received, ReplyOf, SentPayloadOf
} from '../contract/payloads.ts'
import type { Unsubscribe } from './listeners.ts'
import type { FailureCode, RequestError } from './request-error.ts'

type DeclaredCode<D extends ChannelDefinition, K extends Received<D>> = keyof ErrorsOf<D, K> & string

/** The errors that a message declares: a union to `switch` over by `code`. */
export type DeclaredError<D extends ChannelDefinition, K extends Received<D>> =
  { [E in DeclaredCode<D, K>]: RequestError<E, ErrorData<ErrorsOf<D, K>, E>> }[DeclaredCode<D, K>]

/** What `trySend` resolves to. */
export type SendResult<D extends ChannelDefinition, K extends Received<D>> =
  | { readonly ok: true, readonly reply: ReplyOf<D, K> }
  | { readonly ok: false, readonly error: DeclaredError<D, K> | RequestError<FailureCode> }

// The names are written out below, not `Received<D>`: errors print a constraint as it is written.
/** The messages of a channel, or of the connection itself. */
export interface TypedMessaging<D extends ChannelDefinition> {
  /**
   * Calls `listener` with every message of that type from now on, across reconnects.
   * @returns a function that ends this.
   */
  on<K extends keyof D['fromServer'] & string> (type: K, listener: (payload: SentPayloadOf<D, K>) => void): Unsubscribe

  /**
   * Sends a message and resolves with its reply. Always settles.
   * @throws {RequestError} with a code that the message declares; with one of the protocol's catalogue; or with
   *   `disconnected` (there is no connection, or it was lost before the reply: its message tells which), `timeout` (no reply
   *   within `ConnectOptions.timeout`), `not_joined` (the channel was left), `closed` (the client was closed).
   * @throws {TypeError} when the payload cannot be written as JSON.
   */
  send<K extends keyof D['fromClient'] & string> (type: K, ...payload: PayloadArgument<PayloadOf<D, K>>): Promise<ReplyOf<D, K>>

  /** `send` that resolves with the failure instead of rejecting with it. The choice for what may be lost, such as `typing`. */
  trySend<K extends keyof D['fromClient'] & string> (type: K, ...payload: PayloadArgument<PayloadOf<D, K>>): Promise<SendResult<D, K>>

  /** Whether a `send` of this type, here, failed with an error that the message declares: one of them, or this very one. */
  isError<K extends keyof D['fromClient'] & string> (error: unknown, type: K): error is DeclaredError<D, K>
  isError<K extends keyof D['fromClient'] & string, E extends keyof ErrorsOf<D, K> & string> (
    error: unknown, type: K, code: E
  ): error is RequestError<E, ErrorData<ErrorsOf<D, K>, E>>
}

/** One user present, however many connections the user has. */
export interface Present<D extends ChannelDefinition> {
  readonly user: string
  readonly data: PresenceOf<D>
}

/** What made one list of those present into the next; `left` are users. */
export interface PresenceDifference<D extends ChannelDefinition> {
  readonly joined: ReadonlyArray<Present<D>>
  readonly updated: ReadonlyArray<Present<D>>
  readonly left: readonly string[]
}

/**
 * A channel that this client joined. It stays joined across reconnects, until `leave`, `onLeft` or the end of the client.
 * What the server broadcast while there was no connection is not seen.
 */
export interface TypedChannel<D extends ChannelDefinition> extends TypedMessaging<D> {
  /** The channel's address: `chat/lobby`. */
  readonly address: string

  /** Who is here, this user included. Each change makes a new list. While there is no connection: who was here last. */
  readonly presence: ReadonlyArray<Present<D>>

  /**
   * Calls `listener` with each new list. `change` is what made it differ; undefined when, after a reconnect, the server sent
   * the whole list anew.
   * @returns a function that ends this.
   */
  onPresence (
    listener: (presence: ReadonlyArray<Present<D>>, change: PresenceDifference<D> | undefined) => void
  ): Unsubscribe

  /**
   * Calls `listener` once when this client is out of the channel without having left it: the server removed it, or refused
   * to let it in again after a reconnect; `code` says why. Not called when the whole client closes: see `onState`.
   * @returns a function that ends this.
   */
  onLeft (listener: (left: { readonly code: string }) => void): Unsubscribe

  /**
   * Leaves the channel. Nothing of it is delivered from now on. Resolves when the server has confirmed, or when there is no
   * connection; never rejects.
   */
  leave (): Promise<void>
}
