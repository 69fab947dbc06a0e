import { errorMessages, type ErrorCode } from '../protocol/errors.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { numberOf, propertyOf, textOf } from './transport/read-envelope.ts'

/** What a request is about. */
export type Subject = Pick<Envelope, 'type' | 'channel'>

const ownMessages = {
  already_joined: 'this client is already in that channel, or on its way into it',
  closed: 'the client is closed',
  disconnected: 'the connection was lost: whether the message had an effect is unknown',
  not_joined: 'the channel has been left',
  timeout: 'no reply in time: whether the message had an effect is unknown',
  too_many_pending: 'not sent: too many messages are waiting',
  unknown_outcome: 'no reply in 90 s: whether the message had an effect is unknown'
} as const

/** The failures that the client finds by itself. */
export type OwnCode = keyof typeof ownMessages

/** Every code that no contract declares: the protocol's catalogue and the client's own. */
export type FailureCode = ErrorCode | OwnCode

/**
 * Why a `send` or a `join` did not succeed. `code` is one that the message declares, one of the protocol's catalogue, or
 * found by the client itself: `disconnected` (not sent, or the reply was lost with the connection), `timeout`, `closed`, and, of a
 * message declared `once`, `unknown_outcome` and `too_many_pending`.
 */
export class RequestError<C extends string = string, D = unknown> extends Error {
  override readonly name = 'RequestError'
  readonly code: C
  /** What the error declares as its data, `details` on the wire; undefined where it has none. */
  readonly data: D
  /** Milliseconds after which a further try makes sense, where the server says so. */
  readonly retryAfter: number | undefined
  /** The type of the message that failed; `join` for a join. */
  readonly type: string
  /** The address of its channel; undefined for a message of the connection itself. */
  readonly channel: string | undefined

  constructor ({ type, channel }: Subject, code: C, message: string, data: D, retryAfter?: number) {
    super(message)
    this.type = type
    this.channel = channel
    this.code = code
    this.data = data
    this.retryAfter = retryAfter
  }
}

/** A failure that the client found by itself. */
export function failure (subject: Subject, code: OwnCode, message: string = ownMessages[code]): RequestError {
  return new RequestError<string>(subject, code, message, undefined)
}

/** The failure that the payload of an `error` tells of. */
export function refusalOf (subject: Subject, payload: unknown): RequestError {
  const code = textOf(payload, 'code') ?? 'internal'
  return new RequestError<string>(subject, code, textOf(payload, 'message') ?? code, propertyOf(payload, 'details'), numberOf(payload, 'retryAfter'))
}

/** Whether a contract must have declared `code`: contracts cannot redefine the others. */
export function isDeclared (code: string): boolean {
  return !Object.hasOwn(errorMessages, code) && !Object.hasOwn(ownMessages, code)
}
