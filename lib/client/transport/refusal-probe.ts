import type { Clock } from '../../clock.ts'
import { waitOf } from './backoff.ts'
import type { ConnectFailure } from './connect-error.ts'
import { carrierOf } from './token-renewal.ts'

/** What the server's answer says. */
type Refusal = Pick<ConnectFailure, 'status' | 'code' | 'reason' | 'retryAfter'>

export interface RefusalProbeDeps {
  readonly clock: Clock
  readonly fetch: typeof fetch
}

/** One answer serves this long, so that a client that is refused does not ask twice for each attempt. */
const askEveryMs = 30_000
const timeoutMs = 10_000

/** Why the server refuses to connect. */
export class RefusalProbe {
  readonly #deps: RefusalProbeDeps
  #answer: Promise<Refusal> | undefined
  #askedAt = 0

  constructor (deps: RefusalProbeDeps) {
    this.#deps = deps
  }

  /** A new answer, or the one of the last 30 s, with the `problem` that Node tells. Never rejects. */
  async ask (url: string, token: string | undefined, problem: string): Promise<Refusal> {
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
