import { ChannelsError, errorMessages, type ErrorCode } from '../protocol/errors.ts'
import type { Envelope } from '../protocol/envelope.ts'
import type { CloseInfo } from './transport/socket-attempt.ts'
import { numberOf, propertyOf, textOf } from './transport/read-envelope.ts'

/** The message that a request sends, or sent. */
export type Subject = Pick<Envelope, 'type' | 'channel'>

const noConnection = 'not sent, because there is no connection; send it again when the client is open'
const unknownEffect = 'whether the message had an effect is unknown'

const ownReasons = {
  already_joined: 'this client has joined the channel already, or is joining it; use that channel or leave it first',
  closed: 'the client is closed; connect again',
  disconnected: `the connection was lost before the reply; ${unknownEffect}`,
  not_joined: 'the channel has been left; join it again',
  timeout: 'no reply in time',
  too_many_pending: 'not sent, because too many messages wait for the channel to be joined again; try again later',
  unknown_outcome: `no reply within 90 s; ${unknownEffect}`
} as const

/** The codes of failures that the client itself detects. */
export type OwnCode = keyof typeof ownReasons

/** Every code that a contract cannot declare: the codes of the protocol and those of the client. */
export type FailureCode = ErrorCode | OwnCode

/**
 * The failure of a `send` or a `join`. Tell failures apart by `code`; the text of `message` is for people.
 *
 * `code` is one that the message declares, one of docs/protocol.md section 6, or one that the client itself detects:
 * `disconnected` (not sent, or the connection was lost before the reply), `timeout`, `closed`, `not_joined`,
 * `already_joined`, and for idempotent messages `too_many_pending` and `unknown_outcome`.
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
  constructor ({ type, channel }: Subject, code: C, reason: string, data: D, retryAfter?: number) {
    super(code, sentence({ type, channel }, code, reason, retryAfter), 500)
    this.type = type
    this.channel = channel
    this.data = data
    this.retryAfter = retryAfter
  }
}

/** A failure that the client itself detected. */
export function failure (subject: Subject, code: OwnCode, reason: string = ownReasons[code]): RequestError {
  return new RequestError<string>(subject, code, reason, undefined)
}

/** The failure of a message that was never sent, because there was no connection. */
export function notSent (subject: Subject): RequestError {
  return failure(subject, 'disconnected', noConnection)
}

/** The failure of a message that was sent and got no reply in time. */
export function noReply (subject: Subject): RequestError {
  return failure(subject, 'timeout', `${ownReasons.timeout}; ${unknownEffect}`)
}

/** Why a message that was sent failed with `closed`. */
export function closedBeforeReply (close: CloseInfo | undefined): string {
  return `the connection was closed with ${close?.code} before the reply: ${close?.reason}; ${unknownEffect}`
}

/** The failure in the payload of an `error` message. */
export function refusalOf (subject: Subject, payload: unknown): RequestError {
  const code = textOf(payload, 'code') ?? 'internal'
  const reason = textOf(payload, 'message') ?? ''
  const details = propertyOf(payload, 'details')
  return new RequestError<string>(subject, code, reason, details, numberOf(payload, 'retryAfter'))
}

/** Whether `code` was declared by a contract, which cannot declare the other codes. */
export function isDeclared (code: string): boolean {
  return !Object.hasOwn(errorMessages, code) && !Object.hasOwn(ownReasons, code)
}

function sentence ({ type, channel }: Subject, code: string, reason: string, retryAfter: number | undefined): string {
  const message = type === 'join' ? 'join of' : `message '${type}'${channel === undefined ? '' : ' on'}`
  const where = channel === undefined ? message : `${message} '${channel}'`
  const wait = retryAfter === undefined ? '' : `; try again in ${retryAfter} ms`
  return `${where} failed with ${code}${reason === '' || reason === code ? '' : `: ${reason}`}${wait}`
}
