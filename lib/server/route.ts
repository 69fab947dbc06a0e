import type { ConnectionInfo } from '../connection/connection-info.ts'
import type { ConnectionContract, Messages } from '../contract/define-channel.ts'
import type { PayloadArgument, ServerPayloadOf } from '../contract/message-types.ts'
import type { ConnectionLimits } from '../limits/limits.ts'
import type { Logger } from '../logger.ts'
import type { CloseEvent } from '../protocol/close-events.ts'
import type { Locals, User } from './implement.ts'

/** One connection of a route, as the route's `connected` and `disconnected` see it. */
export interface ConnectionContext {
  readonly user: User
  readonly connection: ConnectionInfo
  /** What the route's `locals(request)` returned at the upgrade. */
  readonly locals: Locals
  /** Free for the application. The handlers of the connection's own contract have the same object as `ctx.state`. */
  readonly state: Record<string, unknown>
  readonly log: Logger
  /**
   * Sends a message of the connection's own contract to this connection.
   *
   * @throws {UsageError} `FST_CHANNELS_USAGE` for a contract that the route does not serve
   * @throws {OutgoingError} `FST_CHANNELS_OUTGOING` for a payload that breaks its schema
   */
  send<D extends Messages, T extends keyof D['fromServer'] & string> (
    contract: ConnectionContract<D>, type: T,
    ...payload: PayloadArgument<ServerPayloadOf<ConnectionContract<D>['definition'], T>>
  ): void
}

/** The functions of a route that concern its connections. */
export interface ConnectionFunctions {
  /**
   * Runs once for each connection, after the upgrade. Messages of the connection wait until it is done. When it fails,
   * or takes longer than `handlerTimeout`, the connection is closed with 1011.
   */
  readonly connected?: ((ctx: ConnectionContext) => void | Promise<void>) | undefined
  /**
   * Runs once for each connection for which `connected` ran, after `left` of all its channels. `reason`: the code and
   * text with which the server closed the connection, or else those of the client; 1006 when the connection was lost.
   */
  readonly disconnected?: ((ctx: ConnectionContext, reason: CloseEvent) => void | Promise<void>) | undefined
}

/** What a route says about its connections. */
export interface RouteBehaviour extends ConnectionFunctions {
  /** The largest message that a client may send. */
  readonly messageBytes: number
  readonly limits: ConnectionLimits
}
