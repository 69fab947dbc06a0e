import type { FastifyJWTOptions } from '@fastify/jwt'
import { InvalidOptions } from './errors.ts'

/**
 * A token says itself how it was signed, and a verifier that believes it can be talked into `none`, or into taking a public
 * key for a shared secret. So the algorithm is what the configuration says: `verify.algorithms`, else `sign.algorithm`, else
 * HS256 for a shared secret (RFC 8725 section 3.1).
 * @throws {InvalidOptions} for a key pair or a function without either.
 */
export function pinned (options: FastifyJWTOptions): FastifyJWTOptions {
  if (options.verify?.algorithms) return options
  const algorithm = options.sign?.algorithm ?? (isShared(options.secret) ? 'HS256' : undefined)
  if (!algorithm) throw new InvalidOptions("/jwt/verify/algorithms: say which, e.g. ['RS256']: the secret alone does not")
  return { ...options, verify: { ...options.verify, algorithms: [algorithm] } }
}

function isShared (secret: FastifyJWTOptions['secret']): boolean {
  return (typeof secret === 'string' || Buffer.isBuffer(secret)) && !String(secret).includes('-----BEGIN')
}
