import type { Clock } from '../clock.ts'
import type { Tally } from '../connection/tally.ts'
import type { ViolationOptions } from '../connection/violations.ts'
import type { Limits } from '../connection/limits.ts'
import type { Rooms } from '../rooms/rooms.ts'
import type { Once } from './once.ts'
import type { RateLimits } from './rate-limits.ts'

/** What dispatch needs of the server around it. */
export interface DispatchServices {
  readonly clock: Clock
  readonly rooms: Rooms
  readonly rateLimits: RateLimits
  readonly once: Once
  readonly tally: Tally
  readonly options: DispatchOptions
}

export interface DispatchOptions {
  /** Milliseconds that one message may take to handle. */
  readonly handlerTimeout: number
  /** Messages of one connection that may wait or run before its socket is paused. */
  readonly inboxLimit: number
  /** Milliseconds that a user who lost the connection stays present. */
  readonly presenceGrace: number
  /** Unknown types and invalid payloads forgiven before the connection is closed. */
  readonly violations: ViolationOptions
  readonly limits: Limits
}
