import {
  ChannelsError, reservedCodes, type clientCodes, type ErrorCode, type ErrorPayload
} from '../protocol/errors.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { waitOf } from './transport/backoff.ts'

/** The message that a request sends, or sent. */
export type Subject = Pick<Envelope, 'type' | 'channel'>

export const unknownEffect = 'whether the message had an effect is unknown'

/** The default texts of failures that the client itself detects. */
const ownReasons: Readonly<Record<string, string>> = {
  disconnected: `the connection was lost before the reply; ${unknownEffect}`,
  not_joined: 'the channel has been left; join it again',
  too_many_pending: 'not sent, because too many messages wait; try again later'
}

/** The codes of failures that the client itself detects. */
export type OwnCode = typeof clientCodes[number] | ErrorCode

/** Every code that a contract cannot declare: the codes of the protocol and those of the client. */
export type FailureCode = OwnCode

/**
 * The failure of a `send` or a `join`. Tell failures apart by `code`; the text of `message` is for people. The stack
 * begins at the call of `send` or `join`.
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
  readonly data: D
  /** Milliseconds after which a further try makes sense; undefined when the server does not say. */
  readonly retryAfter: number | undefined
  /** The type of the message that failed; `join` for a join. */
  readonly type: string
  /** The address of the channel; undefined for a message of the connection itself. */
  readonly channel: string | undefined

  /** @param reason What went wrong, without the message and the channel, for the text of `message`. */
  constructor (subject: Subject, code: C, reason: string, data: D, retryAfter?: number, cause?: unknown) {
    super(code, sentence(subject, code, reason, retryAfter), 500)
    this.type = subject.type
    this.channel = subject.channel
    this.data = data
    this.retryAfter = retryAfter
    // As with `new Error(text, { cause })`, an error without a cause has no such member.
    if (cause) this.cause = cause
  }
}

/** A failure that the client itself detected. `cause`: the error behind it, whose text is added. */
export function failure (
  subject: Subject, code: OwnCode, reason = ownReasons[code] ?? `no reply in time; ${unknownEffect}`, cause?: Error
): RequestError {
  const text = cause ? `${reason}: ${cause.message}` : reason
  return new RequestError<string>(subject, code, text, undefined, undefined, cause)
}

/** The failure in the payload of an `error` message. */
export function refusalOf (subject: Subject, payload: unknown): RequestError {
  const { code = 'internal', message = '', details, retryAfter } = Object(payload) as Partial<ErrorPayload>
  const { path, message: issue } = Object(details) as { path?: string, message?: string }
  const reason = path === undefined ? message : `${message}: ${`${path} ${issue}`.trim()}`
  return new RequestError<string>(subject, code, reason, details, waitOf(retryAfter))
}

/** Whether `code` was declared by a contract, which cannot declare the other codes. */
export function isDeclared (code: string): boolean {
  return !reservedCodes.includes(code)
}

function sentence ({ type, channel }: Subject, code: string, reason: string, retryAfter: number | undefined): string {
  const what = type === 'join' ? 'join of' : `message '${type}'`
  const where = channel === undefined ? what : `${what}${type === 'join' ? '' : ' on'} '${channel}'`
  const why = reason === '' || reason === code ? '' : `: ${reason}`
  return `${where} failed with ${code}${why}${retryAfter === undefined ? '' : `; try again in ${retryAfter} ms`}`
}
