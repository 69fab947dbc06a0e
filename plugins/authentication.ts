import type { FastifyInstance, FastifyRequest } from 'fastify'
import { bearerPrefix } from '../lib/protocol/control.ts'
import { NoUserId, Unauthenticated, UnprotectedRoute } from './errors.ts'
import { offeredBy } from './handshake.ts'
import type { ChannelsOptions, Identify } from './options.ts'
import { hiddenToken } from './token-in-url.ts'

/** Who connects, as far as a route found out. */
export interface Authenticated {
  readonly user: unknown
  readonly userId: string | undefined
}

/** What a route says of its callers. */
export interface Protection {
  /** Who a request comes from, in place of the token check and of the plugin's `identify`. */
  readonly identify?: Identify
  /** Anyone may connect; who is known is known. */
  readonly public?: boolean
}

/**
 * How a route finds out who connects: its own `identify`, else the plugin's, else the token.
 * @throws {UnprotectedRoute} at registration when there is none of them, and the route does not say that it is public.
 */
export function authenticator (app: FastifyInstance, url: string, route: Protection, options: ChannelsOptions): (request: FastifyRequest) => Promise<Authenticated> {
  const identify = route.identify ?? options.identify ?? (route.public ? alreadyKnown : undefined) ?? (app.hasRequestDecorator('jwtVerify') ? verifyToken : undefined)
  if (!identify) throw new UnprotectedRoute(url)
  const userIdOf: (user: never) => unknown = options.userId ?? defaultUserId
  return async (request) => {
    const user = await identify(request) ?? undefined
    if (user === undefined && route.public) return { user, userId: undefined }
    if (user === undefined) throw new Unauthenticated()
    return { user, userId: named(userIdOf(user as never)) }
  }
}

function alreadyKnown (request: FastifyRequest): unknown {
  return request.user
}

/** `@fastify/jwt` looks at the header and at its cookie; a token found elsewhere is put where it looks. */
function verifyToken (request: FastifyRequest): Promise<unknown> {
  const token = request.headers.authorization === undefined ? tokenBeside(request) : undefined
  if (token !== undefined) request.raw.headers.authorization = `Bearer ${token}`
  return request.jwtVerify()
}

function tokenBeside (request: FastifyRequest): string | undefined {
  const offer = offeredBy(request).find((offered) => offered.startsWith(bearerPrefix))
  return offer?.slice(bearerPrefix.length) ?? hiddenToken(request.raw)
}

function defaultUserId (user: { id?: unknown, sub?: unknown }): unknown {
  return user.id ?? user.sub
}

function named (id: unknown): string {
  if (typeof id !== 'string' && typeof id !== 'number') throw new NoUserId()
  return String(id)
}
