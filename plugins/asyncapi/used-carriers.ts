import type { FastifyInstance } from 'fastify'
import type { TokenCarrier } from '../../lib/asyncapi/documented-route.ts'
import type { ChannelsOptions } from '../options.ts'
import type { Protection } from '../authentication/authentication.ts'

/** What @fastify/jwt, or one of its namespaces, says about the place of a token. */
interface JwtPlaces {
  readonly cookie?: { readonly cookieName: string }
  readonly options: { readonly verify: { readonly extractToken?: unknown, readonly onlyCookie?: boolean } }
}

/** How a route learns who connects, for its document. */
export interface UsedCarriers {
  readonly carriers: readonly TokenCarrier[]
  /** Whether a function of the application finds the user. */
  readonly isOwn: boolean
}

/** Call it once the route is registered, because a wrong namespace is refused there. */
export function usedCarriers (
  app: FastifyInstance, route: Protection, options: Pick<ChannelsOptions, 'identify' | 'jwt'>
): UsedCarriers {
  const identify = route.identify ?? (route.jwt === undefined ? options.identify : undefined)
  if (identify || route.public) return { carriers: [], isOwn: identify !== undefined && !route.public }
  const { cookie, options: { verify } } = jwtOf(app, route.jwt ?? options.jwt?.namespace)
  if (verify.extractToken) return { carriers: [], isOwn: true }
  const inCookie = cookie ? [{ cookie: cookie.cookieName }] : []
  return { carriers: verify.onlyCookie ? inCookie : ['header', 'subprotocol', 'query', ...inCookie], isOwn: false }
}

function jwtOf (app: FastifyInstance, name: Protection['jwt']): JwtPlaces {
  const jwt = app.jwt as unknown as JwtPlaces & Readonly<Record<string, JwtPlaces>>
  const namespace = typeof name === 'object' ? name.namespace : name
  return namespace === undefined ? jwt : jwt[namespace] as JwtPlaces
}
