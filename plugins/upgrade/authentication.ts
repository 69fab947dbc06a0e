import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Credentials } from '../../lib/connection/identity.ts'
import { isWellFormed } from '../../lib/protocol/envelope.ts'
import { bearer64Prefix, bearerPrefix } from '../../lib/protocol/control-messages.ts'
import { NoUserId, Unauthenticated, UnprotectedRoute } from '../errors.ts'
import { offeredBy } from './handshake.ts'
import type { ChannelsOptions, Identify } from '../options.ts'
import { tokenInUrl } from './token-in-url.ts'

/** The user of an upgrade, and how a newer token of the same user is verified. */
export interface Authenticated extends Credentials {
  readonly verify: ((token: string) => Promise<Credentials>) | undefined
}

/** How a route finds its users. */
export interface Protection {
  /** Finds the user of a request, in place of the token check and of the plugin's `identify`. */
  readonly identify?: Identify
  /**
   * Lets everyone connect. A connection has a user when `identify`, or else `request.user`, names one.
   * @default false
   */
  readonly public?: boolean
}

/**
 * How a route finds the user of a request: its own `identify`, else the plugin's, else the token.
 * @throws {UnprotectedRoute} at registration when it has none of them and is not public.
 */
export function authenticator (
  app: FastifyInstance, url: string, route: Protection, options: Pick<ChannelsOptions, 'identify' | 'userId'>
): (request: FastifyRequest) => Promise<Authenticated> {
  const identify = route.identify ?? options.identify ?? (route.public ? alreadyKnown : undefined)
  const userIdOf: UserIdOf = options.userId ?? defaultUserId
  if (identify) return async (request) => identified(await identify(request) ?? undefined, route, userIdOf)
  if (!app.hasRequestDecorator('jwtVerify')) throw new UnprotectedRoute(url)
  return async (request) => {
    const { jwtVerify } = request
    const verify = (token: string) => verified(app, bearerOf(token, jwtVerify), userIdOf)
    return { ...await verified(app, request, userIdOf), verify }
  }
}

type UserIdOf = (user: never) => unknown

function identified (user: unknown, route: Protection, userIdOf: UserIdOf): Authenticated {
  if (user === undefined && !route.public) throw new Unauthenticated()
  const userId = user === undefined ? undefined : requireUserId(userIdOf(user as never))
  return { user, userId, expiresAt: undefined, jti: undefined, verify: undefined }
}

function alreadyKnown (request: FastifyRequest): unknown {
  return request.user
}

/** The part of a request that @fastify/jwt reads. */
type Bearer = Pick<FastifyRequest, 'headers' | 'jwtVerify'>

/** Stands for a request when a newer token is verified, because the request of the upgrade is gone by then. */
function bearerOf (token: string, jwtVerify: FastifyRequest['jwtVerify']): Bearer {
  return { headers: { authorization: `Bearer ${token}` }, jwtVerify }
}

async function verified (app: FastifyInstance, bearer: Bearer, userIdOf: UserIdOf): Promise<Credentials> {
  const user: unknown = await bearer.jwtVerify().catch(refuse)
  const { exp, jti } = app.jwt.decode(app.jwt.lookupToken(bearer as FastifyRequest)) as { exp?: number, jti?: unknown }
  const expiresAt = exp === undefined ? undefined : exp * 1000
  return { user, userId: requireUserId(userIdOf(user as never)), expiresAt, jti: tokenIdOf(jti) }
}

/** Answers 401 when the token is to blame; a failure of the key store stays an error of the server. */
function refuse (error: { code?: string }): never {
  if (/^(FST_JWT_|FAST_JWT_(?!KEY_FETCHING))/.test(String(error.code))) throw new Unauthenticated()
  throw error
}

/**
 * Puts a token into the header as it is, wherever it travelled and in whichever form. The hooks of the application,
 * `identify` and @fastify/jwt find it there. A hook.
 * @throws {Unauthenticated} for a token that is not encoded as its prefix says
 */
export async function moveTokenToHeader (request: FastifyRequest): Promise<void> {
  const { authorization } = request.headers
  const [, encoded] = /^Bearer64(?: +|$)(.*)$/i.exec(authorization ?? '') ?? []
  const token = encoded === undefined ? undefined : decoded(encoded)
  const moved = authorization === undefined ? tokenOutsideHeader(request) : token
  if (moved !== undefined) request.raw.headers.authorization = `Bearer ${moved}`
}

function tokenOutsideHeader (request: FastifyRequest): string | undefined {
  for (const offer of offeredBy(request)) {
    if (offer.startsWith(bearerPrefix)) return offer.slice(bearerPrefix.length)
    if (offer.startsWith(bearer64Prefix)) return decoded(offer.slice(bearer64Prefix.length))
  }
  return tokenInUrl(request)
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Of several texts for the same bytes only the canonical one is a token (RFC 4648 section 3.5). */
function decoded (base64url: string): string {
  const bytes = Buffer.from(base64url, 'base64url')
  try {
    if (bytes.length > 0 && bytes.toString('base64url') === base64url) return utf8.decode(bytes)
  } catch {
    // The bytes are no UTF-8.
  }
  throw new Unauthenticated()
}

function defaultUserId (user: { id?: unknown, sub?: unknown }): unknown {
  return user.id ?? user.sub
}

function requireUserId (id: unknown): string {
  if (!isId(id)) throw new NoUserId()
  return requireWellFormed(String(id))
}

/** A token whose id cannot be named by a revocation is invalid, because nobody could revoke it. */
function tokenIdOf (jti: unknown): string | undefined {
  if (jti === undefined) return undefined
  if (!isId(jti)) throw new Unauthenticated()
  return requireWellFormed(String(jti))
}

function isId (id: unknown): id is string | number {
  return typeof id === 'string' || typeof id === 'number'
}

function requireWellFormed (id: string): string {
  if (id === '' || !isWellFormed(id)) throw new Unauthenticated()
  return id
}
