import type { Clock } from '../clock.ts'
import type { ViolationOptions } from '../connection/violations.ts'
import type { Rooms } from '../rooms/rooms.ts'

/** What dispatch needs of the server around it. */
export interface DispatchServices {
  readonly clock: Clock
  readonly rooms: Rooms
  readonly options: DispatchOptions
}

export interface DispatchOptions {
  /** Milliseconds that one message may take to handle. */
  readonly handlerTimeout: number
  /** Messages of one connection that may wait or run before its socket is paused. */
  readonly inboxLimit: number
  /** Unknown types and invalid payloads forgiven before the connection is closed. */
  readonly violations: ViolationOptions
}
