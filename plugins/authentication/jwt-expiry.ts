import type { FastifyJWTOptions } from '@fastify/jwt'
import { parse } from '@lukeed/ms'

/** The claims that bound how long a token is accepted, in seconds since 1970. */
export interface Claims { readonly exp?: number, readonly iat?: number }

type Verify = NonNullable<FastifyJWTOptions['verify']>

/**
 * When a token that was verified with these options stops being accepted, in milliseconds since 1970. Undefined for
 * never: the options may ignore its expiry, or stop the clock.
 */
export function expiryOf ({ exp, iat }: Claims, verify: Verify): number | undefined {
  const { clockTimestamp, clockTolerance = 0, ignoreExpiration, maxAge } = verify
  if (clockTimestamp) return undefined
  const ends = [
    ...exp === undefined || ignoreExpiration ? [] : [exp * 1_000 + clockTolerance],
    ...iat === undefined || maxAge == null ? [] : [iat * 1_000 + durationOf(maxAge)]
  ]
  return ends.length > 0 ? Math.min(...ends) : undefined
}

/** As @fastify/jwt reads it: a number counts seconds, and a text without a unit milliseconds. */
function durationOf (maxAge: number | string): number {
  return typeof maxAge === 'number' ? maxAge * 1_000 : parse(maxAge) as number
}
