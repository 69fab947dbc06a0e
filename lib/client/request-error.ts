import { ChannelsError, type clientCodes, type ErrorCode, type ErrorPayload } from '../protocol/errors.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { waitOf } from './transport/backoff.ts'

export const unknownEffect = 'its effect is unknown'

/** The default texts of failures that the client itself detects. */
const ownReasons: Readonly<Record<string, string>> = {
  closed: 'the client is closed; call open() to connect again',
  disconnected: 'not sent, because there is no connection',
  not_joined: 'the channel has been left; join it again',
  too_many_pending: 'too many messages wait; try again later',
  unknown_channel: 'this route serves no such channel'
}

/** Every code that a contract cannot declare: the codes of the protocol and those of the client. */
export type FailureCode = typeof clientCodes[number] | ErrorCode

/**
 * The failure of a `send`, a `join` or `ready`. Tell failures apart by `code`; the text of `message` is for people. The
 * stack contains the call of `send` or `join`.
 *
 * `code` is one that the message declares, one of docs/protocol.md section 6, or one that the client itself detects:
 * `disconnected` (not sent, or the connection was lost before the reply), `timeout`, `closed`, `not_joined`, and
 * `too_many_pending` and `unknown_outcome` for messages that wait.
 */
export class RequestError<C extends string = string, D = unknown> extends ChannelsError {
  override readonly name = 'RequestError'
  /** What failed: `rate_limited`, `disconnected`, or a code that the message declares. */
  declare readonly code: C
  /** The data that the contract declares for this code, or the `details` of a protocol error; undefined without any. */
  declare readonly data: D
  /** Milliseconds after which a further try makes sense; undefined when the server does not say. */
  declare readonly retryAfter: number | undefined
  /** The offset of the last entry that the message appended before it failed; undefined when it appended none. */
  declare readonly appended: number | undefined
  /** The type of the message that failed; `join` for a join, `ready` for `client.ready()`. */
  declare readonly type: string
  /** The address of the channel; undefined for a message of the connection itself. */
  declare readonly channel: string | undefined
  /** Whether the contract declares the code. */
  declare readonly isDeclared: boolean

  /** @param payload That of an `error` message. The text of a declared error is its code. */
  constructor ({ type, channel }: Envelope, payload: ErrorPayload & { readonly code: C }, cause?: Error) {
    const { code, message, details: data, appended } = payload
    const retryAfter = waitOf(payload.retryAfter)
    const isDeclared = message === code
    const where = channel ? ` on '${channel}'` : ''
    const why = isDeclared ? '' : `: ${message}${cause ? `: ${cause.message}` : ''}`
    const next = retryAfter === undefined ? '' : `; try again in ${retryAfter} ms`
    super(code, `'${type}'${where} failed with ${code}${why}${next}`, 500)
    Object.assign(this, { type, channel, data, retryAfter, appended, isDeclared })
    // As with `new Error(text, { cause })`, an error without a cause has no such member.
    if (cause) this.cause = cause
  }
}

/** Whether a further try may succeed. */
export function isTemporary ({ code }: RequestError): boolean {
  return ['in_flight', 'rate_limited', 'timeout', 'unavailable'].includes(code)
}

/** A failure that the client itself detected. `cause`: the error behind it, whose text is added. */
export function failure (
  message: Envelope, code: FailureCode, reason = ownReasons[code] ?? unknownEffect, cause?: Error
): RequestError {
  return new RequestError<string>(message, { code, message: reason }, cause)
}

/** The failure in the payload of an `error` message. That of an invalid payload says where it is. */
export function refusalOf (message: Envelope, payload: unknown): RequestError {
  const refusal = payload as ErrorPayload
  const { path, message: issue } = Object(refusal.details) as { readonly path?: string, readonly message?: string }
  // The data of a declared error may have a path too.
  if (path === undefined || refusal.message === refusal.code) return new RequestError(message, refusal)
  return new RequestError(message, { ...refusal, message: `${refusal.message}: ${`${path} ${issue}`.trim()}` })
}

/** The end of a membership, by the payload of a `left`. Its code may be one of the application. */
export function removalOf (message: Envelope, payload: unknown): RequestError {
  return failure(message, (payload as { readonly code: FailureCode }).code, 'removed by the server')
}
