import type { FastifyJWTOptions } from '@fastify/jwt'
import { InvalidOptions } from '../errors.ts'

type Verify = NonNullable<FastifyJWTOptions['verify']>

/**
 * The options of `@fastify/jwt` without what they leave to the token.
 * @throws {InvalidOptions} for a key pair or a function that comes without an algorithm.
 */
export function strictJwt (options: FastifyJWTOptions): FastifyJWTOptions {
  const { verify = {} } = options
  return { ...options, verify: { ...verify, algorithms: algorithmsOf(options), requiredClaims: claimsOf(verify) } }
}

/**
 * A token says itself how it was signed, and a verifier that believes it can be talked into `none`, or into taking a public
 * key for a shared secret. So the algorithm is what the configuration says: `verify.algorithms`, else `sign.algorithm`, else
 * HS256 for a shared secret (RFC 8725 section 3.1).
 */
function algorithmsOf ({ verify, sign, secret }: FastifyJWTOptions): NonNullable<Verify['algorithms']> {
  if (verify?.algorithms) return verify.algorithms
  const algorithm = sign?.algorithm ?? (isShared(secret) ? 'HS256' : undefined)
  if (!algorithm) throw new InvalidOptions("/jwt/verify/algorithms: say which, e.g. ['RS256']: the secret alone does not")
  return [algorithm]
}

/** What is to be one of several has to be there: the verifier checks a claim only where a token has it. */
function claimsOf ({ allowedAud, allowedIss, allowedSub, requiredClaims = [] }: Verify): string[] {
  return [...allowedAud ? ['aud'] : [], ...allowedIss ? ['iss'] : [], ...allowedSub ? ['sub'] : [], ...requiredClaims]
}

function isShared (secret: FastifyJWTOptions['secret']): boolean {
  return (typeof secret === 'string' || Buffer.isBuffer(secret)) && !String(secret).includes('-----BEGIN')
}
