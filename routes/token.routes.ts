import { randomUUID } from 'node:crypto'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'

/** The identity in a demo token. */
export interface DemoUser {
  readonly sub: string
  readonly name: string
}

declare module '@fastify/jwt' {
  interface FastifyJWT { payload: DemoUser, user: DemoUser }
}

const body = Type.Object({ name: Type.String({ minLength: 1, maxLength: 40 }) }, { additionalProperties: false })

/** Gives a token to anyone who asks. For demonstrations only. */
export const tokenRoutes: FastifyPluginAsyncTypebox<{ demo: boolean }> = async (app, { demo }) => {
  app.post('/token', { schema: { body } }, async (request, reply) => {
    if (!demo) return reply.code(403).send({ error: 'the demo is off' })
    return { token: app.jwt.sign({ sub: randomUUID(), name: request.body.name }, { expiresIn: '12h' }) }
  })
}
