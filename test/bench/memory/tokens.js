import fastifyJwt from '@fastify/jwt'
import fastify from 'fastify'

export const secret = 'a secret of the benchmark, for nothing else'

/** Signs and verifies. */
export async function jwtWith (key) {
  const app = fastify()
  await app.register(fastifyJwt, { secret: key })
  return app.jwt
}

/** Tokens of different users. */
export async function signerOf (key) {
  const jwt = await jwtWith(key)
  return (i) => jwt.sign({ sub: `user-${i}`, name: `User ${i}`, iat: 1_800_000_000 })
}
