import fp from 'fastify-plugin'
import type { Heartbeat } from '../lib/connection/heartbeat.ts'
import type { Node } from '../lib/server/node.ts'

/** The liveness policy: its times, how many connections it watches, how many it had to end. */
export type HeartbeatService = Pick<Heartbeat, 'options' | 'size' | 'terminated'>

declare module 'fastify' {
  interface FastifyInstance {
    readonly heartbeat: HeartbeatService
  }
}

/** `fastify.heartbeat` */
export const heartbeat = fp<{ node: Node }>(async (app, { node }) => {
  app.decorate('heartbeat', node.heartbeat)
}, { name: 'fastify-channels-heartbeat', fastify: '5.x' })
