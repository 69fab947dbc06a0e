import type { Timer } from '../../clock.ts'
import type { ClientFeature } from '../feature.ts'
import { RequestError } from '../request-error.ts'
import type { Requests } from '../requests/requests.ts'
import { maxWaitMs } from '../transport/backoff.ts'
import { isStop } from '../transport/connect-error.ts'
import { tokenFrom } from '../transport/token.ts'
import { check } from './page-events.ts'

/** A token is renewed when a tenth of its lifetime is left, but not earlier than this before it expires. */
const maxLeadMs = 60_000

/** Sends the server a new token before the current one expires. */
export const tokenRenewal: ClientFeature = ({ requests }) => { renewToken(requests) }

/**
 * Milliseconds from `now` until the renewal of a JWT; NaN or not positive for never, as without an expiry. Only the
 * server verifies tokens.
 */
function renewalWaitOf (token: string | undefined, now: number): number {
  try {
    const claims = token?.split('.')[1] as string
    const leftMs = JSON.parse(atob(claims.replaceAll('-', '+').replaceAll('_', '/'))).exp * 1000 - now
    return Math.min(leftMs - Math.min(leftMs / 10, maxLeadMs), maxWaitMs)
  } catch {
    return NaN
  }
}

/** Renews the token of the open connection before it expires. Returns the function that does so at once. */
export function renewToken (requests: Requests): () => Promise<void> {
  const { deps, events } = requests
  const { clock } = deps
  let current: string | undefined
  let timer: Timer
  /** Schedules the renewal of a token that the server has accepted. */
  const accept = (token: string | undefined) => {
    current = token
    clock.clearTimeout(timer)
    const waitMs = renewalWaitOf(token, clock.now())
    if (waitMs > 0) timer = clock.setTimeout(renew, waitMs)
  }
  const refresh = async () => {
    const old = current
    const token = await tokenFrom(deps.token)
    if (!requests.connection) return check(requests)
    // The same token again would be renewed at ever shorter waits. A new connection has a token of its own.
    if (token && token !== old && current === old) {
      await new Promise((resolve, reject) => requests.request({ type: 'refresh', payload: { token } }, {
        resolve: () => resolve(accept(token)), reject
      }))
    }
  }
  // When a renewal fails, the server closes the connection at the end of the old token.
  const renew = () => { refreshOrStop().catch((e: unknown) => { if (!(e instanceof RequestError)) deps.failed(e) }) }
  const refreshOrStop = () => refresh().catch((error: unknown) => {
    if (!isStop(error)) throw error
    requests.stop(error)
  })
  events.add('opened', ({ token }) => accept(token))
  events.add('changed', (state) => { if (state !== 'open') accept(undefined) })
  return refreshOrStop
}
