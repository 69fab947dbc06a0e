import { Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Credentials } from '../../lib/connection/identity.ts'
import { isWellFormed } from '../../lib/protocol/envelope.ts'
import { invalidToken } from '../../lib/protocol/errors.ts'
import { InvalidOptions, NoUserId, Unauthenticated, UnprotectedRoute } from '../errors.ts'
import { callback, flag, optionals, problemOf, shape, text, withoutUndefined } from '../option-schemas.ts'
import type { ChannelsOptions, Identify } from '../options.ts'
import { keptRequest } from './kept-request.ts'
import {
  namespacesOf, tokenVerifierOf, type JwtNamespace, type TokenVerifier, type VerifiedToken
} from './token-verifier.ts'

/** The user of an upgrade, and how a newer token of the same user is verified. */
export interface Authenticated extends Credentials {
  readonly verify: ((token: string) => Promise<Credentials>) | undefined
}

/** How a route finds its users. */
export interface Protection {
  /** Finds the user of a request, in place of the token check and of the plugin's `identify`. */
  readonly identify?: Identify | undefined
  /**
   * The namespace of @fastify/jwt that checks the tokens of this route, in place of the plugin's `identify`. With the
   * option `jwtVerify` of @fastify/jwt, pass that name too: `{ namespace: 'admin', jwtVerify: 'adminVerify' }`.
   */
  readonly jwt?: JwtNamespace | undefined
  /**
   * Lets everyone connect. A connection has a user when `identify`, or else `request.user`, names one.
   * @default false
   */
  readonly public?: boolean | undefined
}

type Options = Pick<ChannelsOptions, 'identify' | 'userId' | 'jwt'>

/**
 * How a route finds the user of a request: its own `identify` or `jwt`, else the plugin's `identify`, else the token.
 * @throws {UnprotectedRoute} at registration when it has none of them and is not public.
 * @throws {InvalidOptions} for a namespace that @fastify/jwt does not have, and for 'jwt' beside another option.
 */
export function authenticator (
  app: FastifyInstance, url: string, route: Protection, options: Options
): (request: FastifyRequest) => Promise<Authenticated> {
  checkProtection(url, route)
  const identify = route.identify ?? (route.jwt ? undefined : options.identify ?? (route.public && alreadyKnown(app)))
  const { userId } = options
  if (identify) return async (request) => identified(await identify(request) ?? undefined, route, userId)
  const verifier = tokenVerifierOf(app, url, namespaceOf(route, options))
  if (!verifier) throw new UnprotectedRoute(url, namespacesOf(app))
  return async (request) => {
    const { user, userId: id, expiresAt, jti } = await credentialsOf(await verifier.verifyRequest(request), userId)
    return { user, userId: id, expiresAt, jti, verify: newerTokens(verifier, keptRequest(request), userId) }
  }
}

/** A function of its own, because a closure keeps all variables around it that any closure there uses. */
function newerTokens (
  verifier: TokenVerifier, request: FastifyRequest, userId: Options['userId']
): Authenticated['verify'] {
  return async (token) => credentialsOf(await verifier.verifyNewer(request, token), userId)
}

/** In JavaScript a value of another type could open a route: `public: 'false'`. */
const protectionSchema = TypeCompiler.Compile(optionals({
  identify: callback,
  jwt: Type.Union([text, shape({ namespace: text, jwtVerify: text })], {
    description: 'a namespace of @fastify/jwt, or { namespace, jwtVerify }'
  }),
  public: flag
}, 'an object'))

function checkProtection (url: string, protection: Protection): void {
  const { jwt, identify, public: isPublic } = protection
  const error = protectionSchema.Errors(withoutUndefined(protection)).First()
  if (error) throw new InvalidOptions(`the route '${url}' has the ${problemOf(error)}`)
  if (jwt === undefined) return
  const other = identify ? 'identify' : 'public'
  if (identify || isPublic) {
    throw new InvalidOptions(`'jwt' and '${other}' of the route '${url}' are mutually exclusive: pass one of them`)
  }
}

/** The namespace of the route, else that of the plugin's option `jwt`, whose `jwtVerify` is known. */
function namespaceOf (
  { jwt }: Protection, { jwt: { namespace, jwtVerify } = {} as never }: Options
): JwtNamespace | undefined {
  if (jwt !== undefined && jwt !== namespace) return jwt
  return namespace !== undefined && jwtVerify !== undefined ? { namespace, jwtVerify } : namespace
}

async function identified (user: unknown, route: Protection, userId: Options['userId']): Promise<Authenticated> {
  if (user === undefined && !route.public) throw new Unauthenticated("'identify' found no user")
  const id = user === undefined ? undefined : requireUserId(await (userId ?? idOf)(user as never))
  return { user, userId: id, expiresAt: undefined, jti: undefined, verify: undefined }
}

/** `request.user`, or what @fastify/jwt puts in its place with its option `decoratorName`. */
function alreadyKnown (app: FastifyInstance): (request: FastifyRequest) => unknown {
  const { options } = (app.hasDecorator('jwt') ? app.jwt : {}) as { options?: { decoratorName?: string } }
  const decoratorName = options?.decoratorName ?? 'user'
  return (request) => request.user ?? (request as unknown as Record<string, unknown>)[decoratorName]
}

/** By default, a user that `formatUser` or `verify.complete` gave another shape has the id of its token. */
async function credentialsOf (
  { user, claims, expiresAt }: VerifiedToken, userId: Options['userId']
): Promise<Credentials> {
  const id = userId ? await userId(user as never) : idOf(user) ?? idOf(claims)
  return { user, userId: requireUserId(id), expiresAt, jti: tokenIdOf(claims.jti) }
}

/** Why a newer token is refused, where a request with it would get a 4xx. Other failures stay the server's. */
export function asTokenRefusal (error: unknown): unknown {
  const { reason, message, statusCode } = Object(error) as { reason?: string, message?: string, statusCode?: number }
  return Number(statusCode) < 500 ? invalidToken(String(reason ?? message)) : error
}

function idOf (user: unknown): unknown {
  // A text has a method `sub`.
  const { id, sub } = (typeof user === 'object' ? user : undefined) as { id?: unknown, sub?: unknown } | null ?? {}
  return id ?? sub
}

function requireUserId (id: unknown): string {
  if (!isId(id)) throw new NoUserId()
  return requireWellFormed(String(id), 'user')
}

/** A token whose id cannot be named by a revocation is invalid, because nobody could revoke it. */
function tokenIdOf (jti: unknown): string | undefined {
  if (jti === undefined) return undefined
  if (!isId(jti)) throw new Unauthenticated("the claim 'jti' is neither a text nor a number")
  return requireWellFormed(String(jti), 'token')
}

function isId (id: unknown): id is string | number {
  return typeof id === 'string' || Number.isFinite(id)
}

function requireWellFormed (id: string, of: string): string {
  if (id === '' || !isWellFormed(id)) throw new Unauthenticated(`the id of the ${of} is empty or not well-formed`)
  return id
}
