import { ChannelsError } from '../../protocol/errors.ts'
import type { CloseInfo } from './web-socket.ts'

/** What is known of a failed attempt to connect. */
export interface ConnectFailure {
  /**
   * The HTTP status of the server's refusal: 400, 401, 403, 404, 426, 429, 503 or the application's own. Undefined
   * when it cannot be known: the server is absent, or the page's origin may not read the answer.
   */
  readonly status?: number | undefined
  /**
   * The code of the refusal in docs/protocol.md section 1; `refused` where the server refuses without one, else
   * `connection_failed`.
   */
  readonly code?: string | undefined
  /** Why, in plain English. */
  readonly reason: string
  /** How the WebSocket ended. */
  readonly close: CloseInfo
  /** Milliseconds that the server asks the client to wait. */
  readonly retryAfter?: number | undefined
  /** Whether the client tries again. */
  readonly willRetry: boolean
  /** Whole milliseconds until the next attempt; 0 without one. */
  readonly retryIn: number
  /** The error that `token` or the `WebSocket` constructor threw. */
  readonly cause?: unknown
}

/** One failed attempt to connect, as listeners of `onConnectError` and `client.lastError` have it. */
export class ConnectError extends ChannelsError implements ConnectFailure {
  override readonly name = 'ConnectError'
  declare readonly status: number | undefined
  declare readonly reason: string
  declare readonly close: CloseInfo
  declare readonly retryAfter: number | undefined
  declare readonly willRetry: boolean
  declare readonly retryIn: number

  constructor (failure: ConnectFailure) {
    const { status, code = status ? 'refused' : 'connection_failed', reason } = failure
    super(code, status ? `${reason} (${status} ${code})` : reason, 500)
    Object.assign(this, failure, { code })
  }
}

/** Return or throw it in `token`, and the client is closed, because nobody is logged in. `client.open()` connects. */
export class StopConnecting extends Error {
  override readonly name = 'StopConnecting'
}

/** By name, because it may come from another copy of this package. */
export function isStop (value: unknown): value is StopConnecting {
  return (value as Error | undefined)?.name === 'StopConnecting'
}
