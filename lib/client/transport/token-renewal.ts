import type { Clock, Timer } from '../../clock.ts'
import { maxWaitMs } from './backoff.ts'
import { isStop, type StopConnecting } from './connect-error.ts'

/** Gives the token for the next connection. */
export type TokenSource = () => string | StopConnecting | Promise<string | StopConnecting>

/** A token is renewed when a tenth of its lifetime is left, but not earlier than this before it expires. */
const maxLeadMs = 60_000

/** Calls `token`. @throws {StopConnecting} also where `token` returns it. */
export async function tokenFrom (source: TokenSource | undefined): Promise<string | undefined> {
  const token = await source?.()
  if (isStop(token)) throw token
  return token
}

/**
 * How a token travels: the scheme of `Authorization`, in small letters also the prefix of the subprotocol, and the text
 * after it. A subprotocol has the characters of an RFC 9110 token, so others travel as base64url.
 */
export function carrierOf (token: string): [scheme: string, text: string] {
  if (/^[\w!#$%&'*+.^`|~-]+$/.test(token)) return ['Bearer', token]
  const base64 = btoa(String.fromCharCode(...new TextEncoder().encode(token)))
  return ['Bearer64', base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')]
}

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

/** The token of the open connection, which is renewed before it expires. */
export class TokenRenewal {
  token: string | undefined
  readonly #clock: Clock
  readonly #renew: () => void
  #timer: Timer

  constructor (clock: Clock, renew: () => void) {
    this.#clock = clock
    this.#renew = renew
  }

  /** Schedules the renewal of a token that the server has accepted. */
  accept (token: string | undefined): void {
    this.token = token
    this.#clock.clearTimeout(this.#timer)
    const waitMs = renewalWaitOf(token, this.#clock.now())
    if (waitMs > 0) this.#timer = this.#clock.setTimeout(this.#renew, waitMs)
  }
}
