/** The catalogue: every `code` the server itself puts into an `error`, with its default message. */
export const errorMessages = {
  already_joined: 'this connection is already in that channel',
  forbidden: 'not allowed',
  in_flight: 'a message with that correlationId is still being handled',
  internal: 'the server failed to handle the message',
  invalid_payload: 'the payload does not match its schema',
  invalid_token: 'the token does not verify, or is not of the same user',
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
export const clientCodes = ['closed', 'disconnected'] as const

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

/** The refusal of a message that came too soon; `retryAfter` is in milliseconds. */
export function tooSoon (retryAfter: number): MessageError {
  return new MessageError('rate_limited', errorMessages.rate_limited, undefined, retryAfter)
}

/** A refusal from the catalogue. */
export function refusal (code: ErrorCode, details?: unknown): MessageError {
  return new MessageError(code, errorMessages[code], details)
}
