import type { Position } from './position.ts'
import type { ResyncReason } from './recoverability.ts'

/** One message of a history, as `read` and `Behind` give it. */
export interface HistoryMessage {
  readonly type: string
  readonly payload: unknown
  readonly offset: number
  readonly id: string
  readonly hash: string
  readonly prev: string
}

/** A state of the channel: the one after the message with this offset and hash. */
export interface SentSnapshot {
  readonly offset: number
  readonly hash: string
  readonly state: unknown
}

/** The messages after a position; with a `reason`, the newest snapshot and the messages after it instead. */
export interface HistoryContent {
  /** The newest position. */
  readonly position: Position
  readonly reason?: ResyncReason
  readonly snapshot?: SentSnapshot
  readonly messages: readonly HistoryMessage[]
}

/** The history in the ack of a join, and the payload of `resync`. `messages` are envelopes. */
export interface Recovery extends Position {
  readonly recovered: boolean
  readonly reason?: ResyncReason
  readonly snapshot?: SentSnapshot
  readonly messages: readonly unknown[]
}
