import type { PresenceListKind } from '../protocol/control-messages.ts'
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

/** Which replicas of Redis must have a message before it is acked. */
export interface DurableDefinition {
  /**
   * Their number.
   * @default all that are connected to the master, and at least one
   */
  readonly replicas?: number
  /**
   * The time in milliseconds that they may take. After that the append rejects with `unavailable`, although the message
   * is in the history of the master.
   * @default 1_000
   */
  readonly timeout?: number
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
  /**
   * An append resolves, and its message is acked, only when replicas of Redis have the message. `'replica'`: all that
   * are connected to the master, and at least one. In one process without Redis it changes nothing.
   * @default An append resolves when the master has it: a failover may lose the newest messages.
   */
  readonly durable?: 'replica' | DurableDefinition
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
   * Keeps the channels of this contract apart from those of contracts with the same addresses, such as those of its
   * next version: they have their own members, history, presence and limits. Clients use the same addresses; on the
   * server the name of a channel begins with it, as in `v2//chat/lobby`. 1 to 40 letters, digits, `-`, `_` or `.`.
   * @default No other contract may have these addresses, unless both are `shared`.
   */
  readonly namespace?: string
  /**
   * Shares the channels of this contract with those of other contracts that are `shared` and have the same pattern,
   * such as another version: they have the same members, history and presence. What the server sends must be declared
   * alike in both.
   * @default No other contract may have these addresses, unless a `namespace` separates them.
   */
  readonly shared?: true
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

/** The contract of messages that belong to a connection instead of a channel. */
export type ConnectionContract<D extends Messages> =
  Channel<{ readonly pattern: '', readonly fromClient: D['fromClient'], readonly fromServer: D['fromServer'] }>
