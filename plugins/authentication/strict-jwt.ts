import type { FastifyJWTOptions } from '@fastify/jwt'
import { InvalidOptions } from '../errors.ts'

type Verify = NonNullable<FastifyJWTOptions['verify']>

/**
 * A variable of the environment that is not set must not become a key. A key pair without a private key verifies only.
 * @throws {InvalidOptions} for a key that is empty or missing.
 */
export function refuseEmptyKeys ({ secret }: FastifyJWTOptions): void {
  const isPair = typeof secret === 'object' && secret !== null && !Buffer.isBuffer(secret)
  const { public: publicKey, private: privateKey = publicKey } = isPair ? secret as Partial<KeyPair> : {}
  const keys = isPair ? { 'secret.public': publicKey, 'secret.private': privateKey } : { secret }
  const empty = Object.entries(keys).find(([, key]) => isEmpty(key))
  if (empty === undefined) return
  throw new InvalidOptions(
    `'jwt.${empty[0]}' is empty: pass the key of the tokens, and check that its environment variable is set`)
}

type KeyPair = Extract<FastifyJWTOptions['secret'], { readonly public: unknown }>

function isEmpty (key: unknown): boolean {
  return typeof key !== 'function' && (key as { readonly length?: number } | undefined ?? '').length === 0
}

/**
 * The options of @fastify/jwt with the algorithm and the required claims fixed.
 * @throws {InvalidOptions} for a key pair or a function without an algorithm.
 */
export function strictJwt (options: FastifyJWTOptions): FastifyJWTOptions {
  const { verify = {} } = options
  return { ...options, verify: { ...verify, algorithms: algorithmsOf(options), requiredClaims: claimsOf(verify) } }
}

/**
 * The accepted algorithms: `verify.algorithms`, else `sign.algorithm`, else HS256 for a shared secret. The algorithm
 * that a token names is never trusted, because an attacker could name `none`, or have a public key used as a shared
 * secret (RFC 8725 section 3.1).
 */
function algorithmsOf ({ verify, sign, secret }: FastifyJWTOptions): NonNullable<Verify['algorithms']> {
  if (verify?.algorithms) return verify.algorithms
  const algorithm = sign?.algorithm ?? (isShared(secret) ? 'HS256' : undefined)
  if (!algorithm) {
    throw new InvalidOptions("the option 'jwt' does not tell the algorithm of its key: " +
      "pass 'jwt.verify.algorithms', such as ['RS256']")
  }
  return [algorithm]
}

/**
 * Claims that an option checks are required, because the verifier checks a claim only when the token has it.
 */
function claimsOf ({ requiredClaims = [], ...verify }: Verify): string[] {
  return [...checkedClaims.filter(([option]) => verify[option]).map(([, claim]) => claim), ...requiredClaims]
}

/** Which claim an option checks. Without `iat` a token has no age. */
const checkedClaims = [
  ['allowedAud', 'aud'], ['allowedIss', 'iss'], ['allowedJti', 'jti'], ['allowedNonce', 'nonce'], ['allowedSub', 'sub'],
  ['maxAge', 'iat']
] as const

function isShared (secret: FastifyJWTOptions['secret']): boolean {
  return (typeof secret === 'string' || Buffer.isBuffer(secret)) && !String(secret).includes('-----BEGIN')
}
