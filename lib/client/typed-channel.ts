import type { ChannelDefinition } from '../contract/define-channel.ts'
import type {
  ErrorData, ErrorsOf, IsPersistent, SnapshotOf, PayloadArgument, ClientPayloadOf, PresenceOf, ClientMessageType, ReplyOf, ServerPayloadOf
} from '../contract/message-types.ts'
import type { Position, ResyncReason } from '../protocol/position.ts'
import type { Unsubscribe } from './listeners.ts'
import type { FailureCode, RequestError } from './request-error.ts'

type DeclaredCode<D extends ChannelDefinition, K extends ClientMessageType<D>> = keyof ErrorsOf<D, K> & string

/** The errors that a message declares: a union to `switch` over by `code`. */
export type DeclaredError<D extends ChannelDefinition, K extends ClientMessageType<D>> =
  { [E in DeclaredCode<D, K>]: RequestError<E, ErrorData<ErrorsOf<D, K>, E>> }[DeclaredCode<D, K>]

/** What `trySend` resolves to. */
export type SendResult<D extends ChannelDefinition, K extends ClientMessageType<D>> =
  | { readonly ok: true, readonly reply: ReplyOf<D, K> }
  | { readonly ok: false, readonly error: DeclaredError<D, K> | RequestError<FailureCode> }

/** Where a logged message stands in its channel's log. */
export interface EntryInfo {
  /** Grows by one with each message of the log. */
  readonly offset: number
  /** By which its sender knows it: `ctx.messageId` of a handler that broadcast once. */
  readonly id: string
  readonly hash: string
}

// Of a contract that is not known, any message may be logged.
type EntryOf<D extends ChannelDefinition, K extends keyof D['fromServer'] & string> =
  IsPersistent<D, K> extends true ? [entry: EntryInfo] : D extends { readonly history: object } ? [] : 'history' extends keyof D ? [entry?: EntryInfo] : []

// The names are written out below, not `Received<D>`: errors print a constraint as it is written.
/** The messages of a channel, or of the connection itself. */
export interface TypedMessaging<D extends ChannelDefinition> {
  /**
   * Calls `listener` with every message of that type from now on, across reconnects; a logged message comes with its place in the log.
   * Logged messages come in the order of the log, each once.
   * @returns a function that ends this.
   */
  on<K extends keyof D['fromServer'] & string> (type: K, listener: (payload: ServerPayloadOf<D, K>, ...entry: EntryOf<D, K>) => void): Unsubscribe

  /**
   * Sends a message and resolves with its reply. Always settles.
   * @throws {RequestError} with a code that the message declares; with one of the protocol's catalogue; or with
   *   `disconnected` (there is no connection, or it was lost before the reply: its message tells which), `timeout` (no reply
   *   within `ConnectOptions.timeout`), `not_joined` (the channel was left), `closed` (the client was closed).
   *   A message declared `once` waits for the channel to be joined again, and is sent again under the same id, where it may have been
   *   lost or the server answers `unavailable` or `timeout`. It rejects with `too_many_pending` where `ConnectOptions.pending` of them
   *   wait already, with `disconnected` when it did not leave within 90 s, and with `unknown_outcome` 90 s after its first attempt.
   * @throws {TypeError} when the payload cannot be written as JSON.
   */
  send<K extends keyof D['fromClient'] & string> (type: K, ...payload: PayloadArgument<ClientPayloadOf<D, K>>): Promise<ReplyOf<D, K>>

  /** `send` that resolves with the failure instead of rejecting with it. The choice for what may be lost, such as `typing`. */
  trySend<K extends keyof D['fromClient'] & string> (type: K, ...payload: PayloadArgument<ClientPayloadOf<D, K>>): Promise<SendResult<D, K>>

  /** Whether a `send` of this type, here, failed with an error that the message declares: one of them, or this very one. */
  isError<K extends keyof D['fromClient'] & string> (error: unknown, type: K): error is DeclaredError<D, K>
  isError<K extends keyof D['fromClient'] & string, E extends keyof ErrorsOf<D, K> & string> (
    error: unknown, type: K, code: E
  ): error is RequestError<E, ErrorData<ErrorsOf<D, K>, E>>
}

/** What there is to begin anew with, on a channel that has a log. */
export interface Resync<D extends ChannelDefinition> {
  /** `fresh`: joined for the first time. All others: messages were missed that are not coming any more; docs/protocol.md 8.5 lists why. */
  readonly reason: ResyncReason
  /** The channel's state after the message at `offset`, and all that there was to know before it. Undefined where there is none. */
  readonly snapshot?: { readonly offset: number, readonly hash: string, readonly state: SnapshotOf<D> }
  /** The newest place in the log at that time. The messages up to it, from the snapshot or from the oldest that is handed out, come next. */
  readonly position: Position
}

/** What joining a channel that has a log takes. */
export interface JoinOptions<D extends ChannelDefinition> {
  /**
   * Called whenever the client begins anew: with the first join, before `join` resolves; when what was missed could not be recovered; when the
   * server sends `resync`. It replaces what is known: afterwards every message after the snapshot or, without one, the newest history comes
   * through `on`, in order, each once. (Where the log cannot be reached at the first join, it is called later, as soon as it can.)
   */
  readonly onResync: (resync: Resync<D>) => void
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
 * What the server broadcast while there was no connection is handed on later where the channel has a log, and not seen where it has none.
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
   * Calls `listener` after a reconnect, when everything missed has been handed on and nothing of the log was lost. (Else: `onResync`.)
   * @returns a function that ends this.
   */
  onRecovered (listener: () => void): Unsubscribe

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
