import type { JoinAck } from '../../protocol/control-messages.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import type { Presence, PresenceListener } from '../channel/presence.ts'
import type { Failure, RequestError } from '../request-error.ts'
import type { ConnectError } from '../transport/connect-error.ts'
import type { Connection } from '../transport/connection.ts'
import type { CloseInfo } from '../transport/web-socket.ts'
import type { Call } from './call.ts'

/** The state of the connection, without the channels. */
export type ConnectionState = 'idle' | 'connecting' | 'open' | 'closed'

/** A channel that the client has joined, or had joined. */
export interface Joinable {
  readonly address: string
  /** The connection on which it is joined. */
  readonly connection: Connection | undefined
  /** The id of the connection that the next join replaces. */
  replaces: string | undefined
  readonly presence: Presence | undefined
  /** Joins on the open connection, also while it is joined on another one. */
  join (): void
}

/** What happens inside a client. */
export type ClientEvents = {
  /** A connection is open. `before`: the one that was open until now, if there was one. */
  readonly opened: [Connection, before: Connection | undefined]
  /** A connection that was open has ended by itself. */
  readonly ended: [Connection]
  /** A new state. The channels follow it after this event. */
  readonly changed: [ConnectionState]
  /** An attempt to connect failed. */
  readonly failed: [ConnectError]
  /** The server sent a reply. */
  readonly answered: []
  /** A channel is joined, maybe while it was joined on another connection. */
  readonly joined: [Joinable, ack: JoinAck | undefined]
  /** The membership in a channel has ended. `error`: why, when it was not ended by the client. */
  readonly left: [Joinable, error: RequestError | undefined]
}

/** The steps of a client that a feature may change: it puts a function in the place of one, and may call that one. */
export interface ClientSteps {
  /** The error of a call. */
  failure (message: Envelope, failure: Failure): RequestError
  /** What follows the presence of a channel, if anything does. `changed` takes each new list. */
  presence?(changed: PresenceListener): Presence
  /** A message as JSON. Called before it is sent. @throws {RequestError} when it cannot be sent */
  encode (message: Envelope): string
  /** Why the server would not take a message that is about to be sent; undefined when it would. */
  refusalOf?(call: Call, connection: Connection): RequestError | undefined
  /** Where a message is sent now; undefined when it has to wait. `open`: the connection that was opened last. */
  connectionFor (call: Call, open: Connection | undefined): Connection | undefined
  /** A new state, and how the connection before it ended. */
  follow (state: ConnectionState, close: CloseInfo | undefined): void
  /** The server sent a message that is no reply. */
  receive (envelope: Envelope, connection: Connection): void
  /** An attempt to connect failed: reports that, now or later. The wait for the next attempt has begun. */
  explain (attempt: Connection, close: CloseInfo, cause: unknown): void
  /** The server wants the client to connect elsewhere, now. */
  move (): void
}
