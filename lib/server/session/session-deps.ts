import type { Clock } from '../../clock.ts'
import type { Counters } from '../../connection/counters.ts'
import type { ProtocolErrorLimit } from '../../limits/protocol-error-budget.ts'
import type { Limits } from '../../limits/limits.ts'
import type { Rooms } from '../../rooms/rooms.ts'
import type { IdempotentMessages } from '../idempotent-messages.ts'
import type { UserRateLimits } from '../../limits/user-rate-limits.ts'

/** What dispatch needs of the server around it. */
export interface SessionDeps {
  readonly clock: Clock
  readonly rooms: Rooms
  readonly rateLimits: UserRateLimits
  readonly idempotentMessages: IdempotentMessages
  readonly counters: Counters
  readonly options: SessionOptions
}

export interface SessionOptions {
  /** Milliseconds that one message may take to handle. */
  readonly handlerTimeout: number
  /** Messages of one connection that may wait or run before its socket is paused. */
  readonly receiveQueueLimit: number
  /** Milliseconds that a user who lost the connection stays present. */
  readonly presenceGrace: number
  /** Unknown types and invalid payloads forgiven before the connection is closed. */
  readonly protocolErrors: ProtocolErrorLimit
  readonly limits: Limits
}
