import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Credentials } from '../../lib/connection/identity.ts'
import { bearerPrefix } from '../../lib/protocol/control-messages.ts'
import { NoUserId, Unauthenticated, UnprotectedRoute } from '../errors.ts'
import { offeredBy } from './handshake.ts'
import type { ChannelsOptions, Identify } from '../options.ts'
import { hiddenToken } from './token-in-url.ts'

/** Who connects, as far as a route found out, and what a newer token says. */
export interface Authenticated extends Credentials {
  readonly verify: ((token: string) => Promise<Credentials>) | undefined
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
  const identify = route.identify ?? options.identify ?? (route.public ? alreadyKnown : undefined)
  const userIdOf: (user: never) => unknown = options.userId ?? defaultUserId
  if (identify) return async (request) => identified(await identify(request) ?? undefined, route, userIdOf)
  if (!app.hasRequestDecorator('jwtVerify')) throw new UnprotectedRoute(url)
  return async (request) => {
    placeToken(request)
    const { jwtVerify } = request
    const verify = (token: string) => verified(app, bearerOf(token, jwtVerify), userIdOf)
    return { ...await verified(app, request, userIdOf), verify }
  }
}

function identified (user: unknown, route: Protection, userIdOf: (user: never) => unknown): Authenticated {
  if (user === undefined && !route.public) throw new Unauthenticated()
  const userId = user === undefined ? undefined : named(userIdOf(user as never))
  return { user, userId, expiresAt: undefined, jti: undefined, verify: undefined }
}

function alreadyKnown (request: FastifyRequest): unknown {
  return request.user
}

/** What `@fastify/jwt` asks of a request. */
type Bearer = Pick<FastifyRequest, 'headers' | 'jwtVerify'>

/** As much of a request as verifying a token takes: the one of the upgrade is long gone when a newer token comes. */
function bearerOf (token: string, jwtVerify: FastifyRequest['jwtVerify']): Bearer {
  return { headers: { authorization: `Bearer ${token}` }, jwtVerify }
}

async function verified (app: FastifyInstance, bearer: Bearer, userIdOf: (user: never) => unknown): Promise<Credentials> {
  const user: unknown = await bearer.jwtVerify().catch(refuse)
  const { exp, jti } = app.jwt.decode(app.jwt.lookupToken(bearer as FastifyRequest)) as { exp?: number, jti?: string }
  return { user, userId: named(userIdOf(user as never)), expiresAt: exp === undefined ? undefined : exp * 1000, jti }
}

/** What a token makes the verifier say is the token's fault, whatever status that comes with; what a key store says is ours. */
function refuse (error: { code?: string }): never {
  if (/^(FST_JWT_|FAST_JWT_(?!KEY_FETCHING))/.test(String(error.code))) throw new Unauthenticated()
  throw error
}

/** `@fastify/jwt` looks at the header and at its cookie; a token found elsewhere is put where it looks. */
function placeToken (request: FastifyRequest): void {
  const token = request.headers.authorization === undefined ? tokenBeside(request) : undefined
  if (token !== undefined) request.raw.headers.authorization = `Bearer ${token}`
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
