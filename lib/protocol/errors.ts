/** The catalogue: every `code` the server itself puts into an `error`, with its default message. */
export const errorMessages = {
  already_joined: 'this connection is already in that channel',
  forbidden: 'not allowed',
  in_flight: 'a message with that correlationId is still being handled',
  internal: 'the server failed to handle the message',
  invalid_payload: 'the payload does not match its schema',
  not_joined: 'join the channel first',
  timeout: 'the message was not handled in time',
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

  constructor (code: string, message: string, details?: unknown) {
    super(message)
    this.code = code
    this.details = details
  }

  get payload (): ErrorPayload {
    return { code: this.code, message: this.message, ...(this.details !== undefined && { details: this.details }) }
  }
}

/** A refusal from the catalogue. */
export function refusal (code: ErrorCode, details?: unknown): MessageError {
  return new MessageError(code, errorMessages[code], details)
}
