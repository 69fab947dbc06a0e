import type { FastifyInstance } from 'fastify'
import type { Node } from '../lib/server/node.ts'

/** Answers `GET path` with the node's status: 200, or 503 while the server closes. It is logged from `warn` on. */
export function addStatusRoute (app: FastifyInstance, path: string, node: Node): void {
  app.get(path, { schema: { hide: true } as object, logLevel: 'warn' }, async (_request, reply) => {
    return reply.code(node.status.state === 'draining' ? 503 : 200).send(node.status)
  })
}
