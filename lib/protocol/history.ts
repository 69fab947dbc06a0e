import type { Position } from './position.ts'
import type { ResyncReason } from './recoverability.ts'

/** One message of a history, as `read` and `Behind` give it. */
export interface HistoryMessage<Type extends string = string, Payload = unknown> {
  readonly type: Type
  readonly payload: Payload
  readonly offset: number
  readonly id: string
  readonly hash: string
  readonly prev: string
}

/** A state of the channel: the one after the message with this offset and hash. */
export interface SentSnapshot<State = unknown> {
  readonly offset: number
  readonly hash: string
  readonly state: State
}

/** The messages after a position; with a `reason`, the newest snapshot and the messages after it instead. */
export interface HistoryContent<Message extends HistoryMessage = HistoryMessage, State = unknown> {
  /** The newest position. */
  readonly position: Position
  readonly reason?: ResyncReason
  readonly snapshot?: SentSnapshot<State> | undefined
  readonly messages: readonly Message[]
}

/** A part of a history: the messages before an offset, in their order. */
export interface HistoryPage<Message extends HistoryMessage = HistoryMessage> {
  /** The newest position of the history. A new `epoch` means that the offsets count from 1 again. */
  readonly position: Position
  readonly messages: readonly Message[]
  /** Whether the history has older messages: read them with `before: messages[0].offset`. */
  readonly hasMore: boolean
}

/** The history in the ack of a join, and the payload of `resync`. `messages` are envelopes. */
export interface Recovery extends Position {
  readonly recovered: boolean
  readonly reason?: ResyncReason
  readonly snapshot?: SentSnapshot
  readonly messages: readonly unknown[]
}
