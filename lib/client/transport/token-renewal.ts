import type { Clock, Timer } from '../../clock.ts'
import type { Report } from '../listeners.ts'
import type { Outcome } from './pending-replies.ts'
import { propertyOf } from './read-envelope.ts'

/** What a renewal needs of its surroundings. */
export interface TokenRenewalDeps {
  readonly clock: Clock
  readonly token: (() => string | Promise<string>) | undefined
  /** Takes why `token` failed. */
  readonly failed: Report
}

/** A token is renewed when a tenth of its time is left, at most this long before its end. */
const soonest = 60_000

/** Longer waits overflow the timers of JavaScript, and end at once. */
const longest = 2 ** 31 - 1

/**
 * Brings the server a new token before the old one expires, so that the connection lives on. Where that fails the server
 * ends the connection when the token expires, and the next attempt asks for another.
 */
export class TokenRenewal {
  readonly #setup: TokenRenewalDeps
  readonly #refresh: (token: string, outcome: Outcome) => void
  #token: string | undefined
  #timer: Timer

  constructor (setup: TokenRenewalDeps, refresh: (token: string, outcome: Outcome) => void) {
    this.#setup = setup
    this.#refresh = refresh
  }

  /** The server knows this token, on a connection that is open. */
  accepted (token: string | undefined): void {
    this.stop()
    this.#token = token
    const left = expiryOf(token) - this.#setup.clock.now()
    if (left > 0) this.#timer = this.#setup.clock.setTimeout(() => this.#renew().catch(this.#setup.failed), waitOf(left))
  }

  /** The connection is gone. */
  stop (): void {
    this.#setup.clock.clearTimeout(this.#timer)
    this.#token = undefined
  }

  async #renew (): Promise<void> {
    const old = this.#token
    const token = await this.#setup.token?.()
    // Over meanwhile; or the same token again, which would only be asked for ever faster.
    if (this.#token !== old || !token || token === old) return
    this.#refresh(token, { resolve: () => this.accepted(token), reject: () => {} })
  }
}

function waitOf (left: number): number {
  return Math.min(left - Math.min(left / 10, soonest), longest)
}

/** Milliseconds since 1970 at which a JWT expires; NaN where it does not say. Nothing is verified: that is the server's. */
function expiryOf (token = ''): number {
  try {
    const [, claims = ''] = token.split('.')
    return Number(propertyOf(JSON.parse(atob(claims.replaceAll('-', '+').replaceAll('_', '/'))), 'exp')) * 1000
  } catch {
    return NaN
  }
}
