import type { Clock } from '../../clock.ts'
import type { Counters } from '../../connection/counters.ts'
import type { Registry } from '../../connection/registry.ts'
import type { ProtocolErrorLimit } from '../../limits/protocol-error-budget.ts'
import type { Rooms } from '../../rooms/rooms.ts'
import type { IdempotentMessages } from '../messages/idempotent-messages.ts'
import type { UserRateLimits } from '../../limits/user-rate-limits.ts'
import type { HandlerTimeouts } from '../handler-timeouts.ts'

/** The parts of the node that every session uses. */
export interface SessionDeps {
  readonly clock: Clock
  readonly registry: Pick<Registry, 'renew'>
  readonly rooms: Rooms
  readonly timeouts: HandlerTimeouts
  readonly rateLimits: UserRateLimits
  readonly idempotentMessages: IdempotentMessages
  readonly counters: Counters
  readonly options: SessionOptions
}

export interface SessionOptions {
  /** Milliseconds after which a message that is still being handled is answered with `timeout`. */
  readonly handlerTimeout: number
  /** Messages of one connection that may wait or run before its socket is paused. */
  readonly receiveQueueLimit: number
  /** Milliseconds for which a user stays present after the connection is lost. */
  readonly presenceGrace: number
  /** Protocol errors allowed per window before the connection is closed with 1008. */
  readonly protocolErrors: ProtocolErrorLimit
}
