import { ChannelsError, type clientCodes, type ErrorCode, type ErrorPayload } from '../protocol/errors.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { waitOf } from './transport/backoff.ts'
import type { CloseInfo } from './transport/web-socket.ts'

/** The payload of an `error` message, or what the client knows of a failure that it detected itself. */
export interface Failure extends Partial<ErrorPayload> {
  readonly code: string
  /** The message was sent, so its effect is unknown. */
  readonly wasSent?: boolean
  /** How the connection was closed for good before the reply. */
  readonly close?: CloseInfo | undefined
  /** Milliseconds after which the client gave up. */
  readonly afterMs?: number
  /** The error behind it. */
  readonly cause?: Error | undefined
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

  /** The text is that of the server, or the code. The text of a declared error is its code. */
  constructor ({ type, channel }: Envelope, failure: Failure & { readonly code: C }) {
    const { code, message, details: data, appended, cause } = failure
    super(code, message ?? code, 500)
    Object.assign(this, {
      type, channel, data, retryAfter: waitOf(failure.retryAfter), appended, isDeclared: message === code
    })
    // As with `new Error(text, { cause })`, an error without a cause has no such member.
    if (cause) this.cause = cause
  }
}

/** Whether a further try may succeed. */
export function isTemporary ({ code }: RequestError): boolean {
  return ['in_flight', 'rate_limited', 'timeout', 'unavailable'].includes(code)
}
