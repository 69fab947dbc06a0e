import fp from 'fastify-plugin'
import type { Node, NodeStatus } from '../lib/server/node.ts'

export type ChannelsStatus = NodeStatus

export interface StatusService {
  /** How this node is: `up`; `degraded`, since Redis is away; `draining`, since the server is ending. */
  status (): ChannelsStatus
}

declare module 'fastify' {
  interface FastifyInstance {
    readonly channels: StatusService
  }
}

/** `fastify.channels`, and where a path is given a route that tells the same to whoever asks whether this node is well. */
export const status = fp<{ node: Node, path: string | undefined }>(async (app, { node, path }) => {
  app.decorate('channels', { status: () => node.status })
  if (path === undefined) return
  app.get(path, { schema: { hide: true } as object, logLevel: 'warn' }, async (_request, reply) => {
    return reply.code(node.status.state === 'draining' ? 503 : 200).send(node.status)
  })
}, { name: 'fastify-channels-status', fastify: '5.x' })
