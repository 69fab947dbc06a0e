import type { Position, ResyncReason, SentSnapshot } from './position.ts'

/** The catalogue: every `code` the server itself puts into an `error`, with its default message. */
export const errorMessages = {
  already_joined: 'this connection is already in that channel',
  behind: 'the log has moved on',
  conflict: 'another message was sent under that correlationId before',
  forbidden: 'not allowed',
  in_flight: 'a message with that correlationId is still being handled',
  internal: 'the server failed to handle the message',
  invalid_payload: 'the payload does not match its schema',
  invalid_token: 'the token does not verify, or is not of the same user',
  history_full: 'the log takes nothing more for now',
  not_joined: 'join the channel first',
  rate_limited: 'too many messages: slow down',
  timeout: 'the message was not handled in time',
  too_many_channels: 'this connection is in as many channels as it may be',
  unavailable: 'the channel cannot be reached now',
  unknown_channel: 'there is no such channel on this route',
  unknown_type: 'the channel has no such message'
} as const

export type ErrorCode = keyof typeof errorMessages

/** What the client library answers by itself where there is no server to: a contract cannot declare these either. */
export const clientCodes = ['closed', 'disconnected', 'too_many_pending', 'unknown_outcome'] as const

export type ReservedCode = ErrorCode | typeof clientCodes[number]

/** Payload of `error`. `retryAfter` is in milliseconds. */
export interface ErrorPayload {
  readonly code: string
  readonly message: string
  readonly details?: unknown
  readonly retryAfter?: number
}

/** The refusal of one message: it becomes that message's `error` reply and nothing else. */
export class MessageError extends Error {
  readonly code: string
  readonly details: unknown
  readonly retryAfter: number | undefined

  constructor (code: string, message: string, details?: unknown, retryAfter?: number) {
    super(message)
    this.code = code
    this.details = details
    this.retryAfter = retryAfter
  }

  get payload (): ErrorPayload {
    const { code, message, details, retryAfter } = this
    return { code, message, ...(details !== undefined && { details }), ...(retryAfter !== undefined && { retryAfter }) }
  }
}

/** A message of a log, as `read` and `Behind` give it. */
export interface HistoryMessage {
  readonly type: string
  readonly payload: unknown
  readonly offset: number
  readonly id: string
  readonly hash: string
  readonly prev: string
}

/** What a log holds after a position; where it cannot tell, with a reason: the newest snapshot and the messages after it. */
export interface HistoryContent {
  /** The newest position. */
  readonly position: Position
  readonly reason?: ResyncReason
  readonly snapshot?: SentSnapshot
  readonly messages: readonly HistoryMessage[]
}

/** The log was not as an append expected it: what it missed. Nothing was appended. */
export class Behind extends MessageError implements HistoryContent {
  readonly position: Position
  readonly reason?: ResyncReason
  readonly snapshot?: SentSnapshot
  readonly messages: readonly HistoryMessage[]

  constructor ({ position, reason, snapshot, messages }: HistoryContent) {
    super('behind', errorMessages.behind)
    this.position = position
    if (reason) this.reason = reason
    if (snapshot) this.snapshot = snapshot
    this.messages = messages
  }
}

/** The refusal of a message that came too soon; `retryAfter` is in milliseconds. */
export function rateLimited (retryAfter: number): MessageError {
  return new MessageError('rate_limited', errorMessages.rate_limited, undefined, retryAfter)
}

/** A refusal from the catalogue. */
export function refusal (code: ErrorCode, details?: unknown): MessageError {
  return new MessageError(code, errorMessages[code], details)
}
