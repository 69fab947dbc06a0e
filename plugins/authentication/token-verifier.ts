import type { FastifyJWTOptions, JWT, VerifyPayloadType } from '@fastify/jwt'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { InvalidOptions, Unauthenticated } from '../errors.ts'
import { expiryOf, type Claims } from './jwt-expiry.ts'

/** A namespace of @fastify/jwt. `jwtVerify` is the option of the same name that it was registered with. */
export type JwtNamespace = string | { readonly namespace: string, readonly jwtVerify: string }

/** A token that @fastify/jwt accepted. */
export interface VerifiedToken {
  /** What `request.user` is, after `formatUser`. */
  readonly user: unknown
  /** The payload that was verified. */
  readonly claims: Claims & { readonly jti?: unknown }
  /** When the token is no longer accepted, in milliseconds since 1970; undefined for never. */
  readonly expiresAt: number | undefined
}

type Verify = NonNullable<FastifyJWTOptions['verify']>
type JwtVerify = (options?: { verify: Partial<Verify> }) => Promise<VerifyPayloadType>

/**
 * Verifies tokens as the application's @fastify/jwt does, with all its options: at the upgrade by the request, later by
 * the token alone.
 */
export class TokenVerifier {
  readonly #jwt: JWT
  readonly #jwtVerify: string

  /** @param jwtVerify the name of the method of a request */
  constructor (jwt: JWT, jwtVerify: string) {
    this.#jwt = jwt
    this.#jwtVerify = jwtVerify
  }

  /** @throws {Unauthenticated} at once, or as the rejection */
  verifyRequest (request: FastifyRequest): Promise<VerifiedToken> {
    return this.#verify(request, this.#tokenOf(request))
  }

  /** Verifies another token in the place of the one that `request` came with. @throws {Unauthenticated} */
  verifyNewer (request: FastifyRequest, token: string): Promise<VerifiedToken> {
    const headers = { ...request.headers, authorization: `Bearer ${token}` }
    return this.#verify(Object.create(request, { headers: { value: headers } }) as FastifyRequest, token)
  }

  #tokenOf (request: FastifyRequest): string {
    try {
      return this.#jwt.lookupToken(request)
    } catch (error) {
      return refuse(error)
    }
  }

  async #verify (request: FastifyRequest, token: string): Promise<VerifiedToken> {
    const { verify } = this.#jwt.options as { verify: Verify }
    // Any option costs a verifier of its own. Without one @fastify/jwt finds the same token again.
    const options = verify.extractToken || verify.onlyCookie ? { verify: { extractToken: () => token } } : undefined
    const jwtVerify = (request as unknown as Record<string, JwtVerify>)[this.#jwtVerify] as JwtVerify
    const user = await jwtVerify.call(request, options).catch((error: unknown) => refuse(error, token))
    const claims = claimsOf(token)
    return { user, claims, expiresAt: expiryOf(claims, verify) }
  }
}

/**
 * The verifier of a route. Undefined when the application did not register @fastify/jwt without a namespace.
 * @throws {InvalidOptions} for a namespace that @fastify/jwt does not have.
 */
export function tokenVerifierOf (
  app: FastifyInstance, url: string, name: JwtNamespace | undefined
): TokenVerifier | undefined {
  if (name === undefined) {
    return app.hasRequestDecorator('jwtVerify') ? new TokenVerifier(app.jwt as JWT, 'jwtVerify') : undefined
  }
  const { namespace, jwtVerify } = typeof name === 'string' ? { namespace: name, jwtVerify: `${name}JwtVerify` } : name
  const known = namespacesOf(app)
  if (!known.includes(namespace)) throw new InvalidOptions(unknownNamespace(url, namespace, known))
  if (!app.hasRequestDecorator(jwtVerify)) throw new InvalidOptions(unknownMethod(url, namespace, jwtVerify))
  return new TokenVerifier(instancesOf(app)[namespace] as JWT, jwtVerify)
}

/** The namespaces of @fastify/jwt. */
export function namespacesOf (app: FastifyInstance): string[] {
  return Object.entries(instancesOf(app))
    .filter(([, instance]) => typeof (Object(instance) as Partial<JWT>).lookupToken === 'function')
    .map(([namespace]) => namespace)
}

function instancesOf (app: FastifyInstance): Record<string, unknown> {
  return app.hasDecorator('jwt') ? app.jwt as unknown as Record<string, unknown> : {}
}

function unknownNamespace (url: string, namespace: string, known: readonly string[]): string {
  const names = known.length > 0 ? `one of '${known.join("', '")}'` : 'the namespace of an earlier registration'
  return `the route '${url}' has the option 'jwt' with the namespace '${namespace}', which @fastify/jwt does not ` +
    `have: pass ${names}`
}

function unknownMethod (url: string, namespace: string, jwtVerify: string): string {
  return `the route '${url}' has the option 'jwt' with the namespace '${namespace}', but requests have no method ` +
    `'${jwtVerify}': pass { namespace: '${namespace}', jwtVerify } with the 'jwtVerify' of its registration`
}

/** The payload of a token that was verified: with the application's options the result may have another shape. */
function claimsOf (token: string): Claims {
  return JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString()) as Claims
}

/** Answers 401 when the token is to blame; a failure of the key store stays an error of the server. */
function refuse (error: unknown, token?: string): never {
  const { code, message } = error as { code?: unknown, message: string }
  if (!/^(FST_JWT_|FAST_JWT_(?!KEY_FETCHING))/.test(String(code))) throw error
  throw new Unauthenticated(token === undefined ? message : message.replaceAll(token, '[token]'))
}
