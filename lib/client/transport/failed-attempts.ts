import type { Clock } from '../../clock.ts'
import { longestWaitMs, waitOf, type Backoff } from './backoff.ts'
import { ConnectError, type ConnectFailure } from './connect-error.ts'
import { carrierOf, type TokenSource } from './token-renewal.ts'
import type { CloseInfo } from './web-socket.ts'

/** What the server's answer says. */
type Refusal = Pick<ConnectFailure, 'status' | 'code' | 'reason' | 'retryAfter'>

export interface FailedAttemptsDeps {
  readonly clock: Clock
  readonly fetch: typeof fetch
  readonly token: TokenSource | undefined
}

interface Transport {
  state (): string
  failed (error: ConnectError): void
}

/** One answer serves this long, so that a client that is refused does not ask twice for each attempt. */
const askEveryMs = 30_000
const timeoutMs = 10_000

/** Reports failed attempts to connect, with the reason that the server gives. */
export class FailedAttempts {
  last: ConnectError | undefined
  readonly #deps: FailedAttemptsDeps
  readonly #backoff: Backoff
  readonly #transport: Transport
  #answer: Promise<Refusal> | undefined
  #askedAt = 0

  constructor (deps: FailedAttemptsDeps, backoff: Backoff, transport: Transport) {
    this.#deps = deps
    this.#backoff = backoff
    this.#transport = transport
  }

  /** The next attempt waits for the reason, because what no retry cures slows the client down. Never rejects. */
  async explain (url: string, token: string | undefined, close: CloseInfo, cause: unknown): Promise<void> {
    const { reason } = close
    this.#backoff.hold()
    const refusal = cause === undefined ? await this.#ask(url, token, reason) : { reason }
    if (this.#transport.state() === 'closed') return
    const { status = 0, retryAfter } = refusal
    const isHopeless = [400, 403, 404, this.#deps.token ? 400 : 401].includes(status)
    const retryIn = Math.ceil(this.#backoff.extend(isHopeless ? longestWaitMs : retryAfter))
    this.report({ ...refusal, close, willRetry: true, retryIn, cause })
    this.#backoff.release()
  }

  report (failure: ConnectFailure): void {
    const error = new ConnectError(failure)
    // The next attempt may have succeeded before the reason of this one was known.
    if (this.#transport.state() !== 'open') this.last = error
    this.#transport.failed(error)
  }

  /** A connection is open. */
  opened (): void {
    this.last = undefined
    this.reset()
  }

  /** A new answer, or the one of the last 30 s, with the `problem` that Node tells. Never rejects. */
  async #ask (url: string, token: string | undefined, problem: string): Promise<Refusal> {
    const { clock, fetch } = this.#deps
    if (!this.#answer || clock.now() - this.#askedAt >= askEveryMs) {
      this.#askedAt = clock.now()
      this.#answer = askRefusal(fetch, url, token)
    }
    const answer = await this.#answer
    // Node says "Unexpected server response: 403". The `GET` may differ, because a `WebSocket` class may add an Origin.
    const status = Number(/ (\d{3})$/.exec(problem)?.[1])
    if (status > 0 && status !== answer.status) {
      return { status, reason: 'the server refuses the origin or another header of this client' }
    }
    return answer.status || !problem ? answer : { reason: `${answer.reason} (${problem})` }
  }

  /** Forgets the answer, because a connection was opened or the client is closed. */
  reset (): void {
    this.#answer = undefined
  }
}

/**
 * Asks why the server refuses to connect, by a plain `GET` of the same URL, because a WebSocket does not tell. The
 * server makes the same checks for it. Never rejects.
 */
async function askRefusal (get: typeof fetch, url: string, token: string | undefined): Promise<Refusal> {
  try {
    const response = await get(url.replace('ws', 'http'), {
      credentials: 'include',
      signal: AbortSignal.timeout?.(timeoutMs),
      headers: token ? { authorization: carrierOf(token).join(' ') } : {}
    })
    const { status, statusText } = response
    const { code, message = statusText, retryAfter } = Object(await response.json().catch(() => {}))
    const reason = status === 404 && !code ? 'no WebSocket route at this path' : message
    return { status, code, reason, retryAfter: waitOf(retryAfter) }
  } catch {
    return { reason: 'the server cannot be reached, refuses the origin of this page, or CORS hides its answer' }
  }
}
