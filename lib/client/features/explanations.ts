import type { ClientFeature } from '../feature.ts'
import { longestWaitMs, waitOf } from '../transport/backoff.ts'
import type { ConnectFailure } from '../transport/connect-error.ts'
import { carrierOf } from '../transport/token.ts'

/** What the server's answer says. */
type Refusal = Pick<ConnectFailure, 'status' | 'code' | 'reason' | 'retryAfter'>

/** One answer serves this long, so that a client that is refused does not ask twice for each attempt. */
const askEveryMs = 30_000
const timeoutMs = 10_000

/**
 * Asks the server why an attempt to connect failed, because a browser does not say it, and slows down where no further
 * attempt helps.
 * @param ask The function that asks. By default the global `fetch`.
 */
export function explanations (ask: typeof fetch | undefined = globalThis.fetch): ClientFeature {
  return ({ requests }) => {
    const { backoff, deps, events, steps } = requests
    let answer: Promise<Refusal> | undefined
    let askedAt = 0
    events.add('changed', (state) => { if (state === 'open' || state === 'closed') answer = undefined })
    // The next attempt waits for the reason, because what no retry cures slows the client down.
    steps.explain = async ({ token }, close, cause) => {
      backoff.isHeld = true
      const now = deps.clock.now()
      if (cause === undefined && (!answer || now - askedAt >= askEveryMs)) {
        askedAt = now
        answer = askRefusal(ask, deps.target().url, token)
      }
      const { reason } = close
      const refusal = cause === undefined ? withProblem(await answer as Refusal, reason) : { reason }
      if (requests.state === 'closed') return
      const { status = 0, retryAfter } = refusal
      const isHopeless = [400, 403, 404, deps.token ? 400 : 401].includes(status)
      requests.report({ ...refusal, close, cause }, true, isHopeless ? longestWaitMs : retryAfter)
      backoff.isHeld = false
      if (backoff.extend() === 0) backoff.skipWait() // It would have ended meanwhile.
    }
  }
}

/** Node says "Unexpected server response: 403". The `GET` may differ, because a `WebSocket` class may add an Origin. */
function withProblem (answer: Refusal, problem: string): Refusal {
  const status = Number(/ (\d{3})$/.exec(problem)?.[1])
  if (status > 0 && status !== answer.status) {
    return { status, reason: 'the server refuses the origin or another header of this client' }
  }
  return answer.status || !problem ? answer : { reason: `the server cannot be reached (${problem})` }
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
