import type { Clock, Timer } from '../../clock.ts'
import type { Report } from '../listeners.ts'
import type { ReplyCallbacks } from './pending-replies.ts'
import { propertyOf } from './read-envelope.ts'

export interface TokenRenewalDeps {
  readonly clock: Clock
  readonly token: (() => string | Promise<string>) | undefined
  /** Takes the error of a `token` that failed. */
  readonly failed: Report
}

/** A token is renewed when a tenth of its lifetime is left, but not earlier than this before it expires. */
const maxLeadMs = 60_000

/** A longer wait overflows the timers of JavaScript, which then fire at once. */
const maxWaitMs = 2 ** 31 - 1

/**
 * Sends the server a new token before the old one expires, so that the connection stays open. If that fails, the server
 * closes the connection when the token expires, and the client calls `token` for the next connection.
 */
export class TokenRenewal {
  readonly #deps: TokenRenewalDeps
  readonly #refresh: (token: string, callbacks: ReplyCallbacks) => void
  #token: string | undefined
  #timer: Timer

  constructor (deps: TokenRenewalDeps, refresh: (token: string, callbacks: ReplyCallbacks) => void) {
    this.#deps = deps
    this.#refresh = refresh
  }

  /** Schedules the renewal of a token that the server has accepted on the open connection. */
  schedule (token: string | undefined): void {
    this.stop()
    this.#token = token
    const leftMs = expiryOf(token) - this.#deps.clock.now()
    if (!(leftMs > 0)) return
    this.#timer = this.#deps.clock.setTimeout(() => this.#renew().catch(this.#deps.failed), waitOf(leftMs))
  }

  /** Stops the renewal, because the connection has ended. */
  stop (): void {
    this.#deps.clock.clearTimeout(this.#timer)
    this.#token = undefined
  }

  async #renew (): Promise<void> {
    const old = this.#token
    const token = await this.#deps.token?.()
    // The connection ended meanwhile, or the token is the same and would be renewed at ever shorter waits.
    if (this.#token !== old || !token || token === old) return
    this.#refresh(token, { resolve: () => this.schedule(token), reject: () => {} })
  }
}

function waitOf (leftMs: number): number {
  return Math.min(leftMs - Math.min(leftMs / 10, maxLeadMs), maxWaitMs)
}

/** When a JWT expires, in milliseconds since 1970; NaN without an expiry. Only the server verifies tokens. */
function expiryOf (token = ''): number {
  try {
    const [, claims = ''] = token.split('.')
    return Number(propertyOf(JSON.parse(atob(claims.replaceAll('-', '+').replaceAll('_', '/'))), 'exp')) * 1000
  } catch {
    return NaN
  }
}
