import type { HistoryContent, HistoryMessage, SentSnapshot } from './history.ts'
import type { Position } from './position.ts'
import type { ResyncReason } from './recoverability.ts'

/** Every `code` that the server itself puts into an `error` message. The client bundle has this list, without texts. */
export const errorCodes = [
  'already_joined', 'behind', 'conflict', 'epoch_changed', 'forbidden', 'history_full', 'in_flight', 'internal',
  'invalid_payload', 'invalid_token', 'no_history', 'not_joined', 'rate_limited', 'timeout', 'too_many_channels',
  'unavailable', 'unknown_channel', 'unknown_type'
] as const

export type ErrorCode = typeof errorCodes[number]

/** The default text of each code. */
export const errorMessages: Readonly<Record<ErrorCode, string>> = {
  already_joined: 'this connection has already joined the channel',
  behind: 'the history has moved on: read the missed messages first',
  conflict: 'another message was sent under that correlationId before: send this one under a new id',
  epoch_changed: 'the history began again: discard what you have of it',
  forbidden: 'not allowed',
  history_full: 'the history of the channel is full for now: try again later',
  in_flight: 'a message with that correlationId is still being handled: wait for its reply',
  internal: 'the server failed to handle the message',
  invalid_payload: 'the payload does not match its schema',
  invalid_token: 'the token is invalid or belongs to another user',
  no_history: 'the channel keeps no history',
  not_joined: 'join the channel first',
  rate_limited: 'too many messages: slow down',
  timeout: 'the server did not handle the message in time',
  too_many_channels: 'this connection has joined as many channels as allowed: leave one first',
  unavailable: 'the channel is unavailable for now: try again later',
  unknown_channel: 'this route serves no such channel',
  unknown_type: 'the channel has no such message'
}

/** The HTTP status of a refusal that reaches a REST handler. A code that is not listed is the caller's mistake: 400. */
const statusCodes: Readonly<Record<string, number>> = {
  behind: 409,
  conflict: 409,
  epoch_changed: 409,
  forbidden: 403,
  history_full: 503,
  internal: 500,
  invalid_token: 401,
  rate_limited: 429,
  timeout: 504,
  unavailable: 503,
  unknown_channel: 404,
  unknown_type: 404
} satisfies Partial<Record<ErrorCode, number>>

/** The codes that the client library gives to its own failures. A contract cannot declare them either. */
export const clientCodes = [
  'closed', 'disconnected', 'payload_too_large', 'too_many_pending', 'unknown_outcome'
] as const

export type ReservedCode = ErrorCode | typeof clientCodes[number]

/** Whether no contract can declare this code. */
export function isReserved (code: string): boolean {
  return [...errorCodes, ...clientCodes].some((reserved) => reserved === code)
}

/** Payload of an `error` message. `retryAfter` is in milliseconds. */
export interface ErrorPayload {
  readonly code: string
  readonly message: string
  readonly details?: unknown
  readonly retryAfter?: number
  /** The offset of the last entry that the message appended to the history before it failed. The entry stands. */
  readonly appended?: number
}

/** Base class of every error that this library throws on purpose. Tell errors apart by `code`. */
export class ChannelsError extends Error {
  override readonly name: string = 'ChannelsError'
  /** `FST_CHANNELS_…` for mistakes in the application; a code of docs/protocol.md or of a contract for a refusal. */
  readonly code: string
  /** The HTTP status that Fastify answers with where the error reaches a REST handler. */
  readonly statusCode: number

  constructor (code: string, message: string, statusCode: number) {
    super(message)
    this.code = code
    this.statusCode = statusCode
  }
}

/** A call that the contract or the API does not allow, such as sending a message type that is not declared. */
export class UsageError extends ChannelsError {
  override readonly name = 'UsageError'

  constructor (message: string) {
    super('FST_CHANNELS_USAGE', message, 500)
  }
}

/** Refusals have this member, also those of other copies of this package that the process has loaded. */
const refusalMark: unique symbol = /* @__PURE__ */ Symbol.for('fastify-channels.refusal')

/** The refusal of one message: it becomes the `error` reply to that message and nothing else. */
export class MessageError extends ChannelsError {
  override readonly name: string = 'MessageError'
  readonly details: unknown
  /** Milliseconds after which a further try makes sense. */
  readonly retryAfter: number | undefined
  /** The offset of the entry that was appended all the same. */
  readonly appended: number | undefined

  constructor (code: string, message: string, details?: unknown, retryAfter?: number, appended?: number) {
    super(code, message, Object.hasOwn(statusCodes, code) ? statusCodes[code] as number : 400)
    this.details = details
    this.retryAfter = retryAfter
    this.appended = appended
    Object.defineProperty(this, refusalMark, { value: true })
  }

  get payload (): ErrorPayload {
    const { code, message, details, retryAfter } = this
    return { code, message, ...(details !== undefined && { details }), ...(retryAfter !== undefined && { retryAfter }) }
  }
}

/** Anything can be thrown, even a proxy that throws at this question. */
export function isRefusal (error: unknown): error is MessageError {
  try {
    return (Object(error) as { readonly [refusalMark]?: unknown })[refusalMark] === true
  } catch {
    return false
  }
}

/** The history was not at the position that an append expected. Nothing was appended; the missed messages are here. */
export class Behind extends MessageError implements HistoryContent {
  override readonly name = 'Behind'
  readonly position: Position
  readonly reason?: ResyncReason
  readonly #content: HistoryContent

  constructor (content: HistoryContent) {
    super('behind', errorMessages.behind)
    this.position = content.position
    if (content.reason) this.reason = content.reason
    this.#content = content
  }

  /** `error instanceof Behind` also holds for an error of the package's other build. */
  static override [Symbol.hasInstance] (error: unknown): error is Behind {
    return isRefusal(error) && error.code === 'behind'
  }

  get snapshot (): SentSnapshot | undefined {
    return this.#content.snapshot
  }

  get messages (): readonly HistoryMessage[] {
    return this.#content.messages
  }
}

/** The refusal of a message above a rate limit. `retryAfter` is in milliseconds. */
export function rateLimited (retryAfter: number): MessageError {
  return new MessageError('rate_limited', errorMessages.rate_limited, undefined, retryAfter)
}

/** Milliseconds. Half of the second within which a message is to be sent again once its channel can be reached. */
const unavailableRetryMs = 500

/** The refusal of a newer token. `reason` is for the log: the client is not told. */
export function invalidToken (reason: string): MessageError {
  return Object.assign(refusal('invalid_token'), { cause: new Error(reason) })
}

/** The refusal with a code of the protocol, and its default text. */
export function refusal (code: ErrorCode, details?: unknown): MessageError {
  const retryAfter = code === 'unavailable' ? unavailableRetryMs : undefined
  return new MessageError(code, errorMessages[code], details, retryAfter)
}
