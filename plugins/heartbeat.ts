import fp from 'fastify-plugin'
import type { Heartbeat } from '../lib/connection/heartbeat.ts'
import type { Node } from '../lib/dispatch/node.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The liveness policy: its times, how many connections it watches, how many it had to end. */
    readonly heartbeat: Pick<Heartbeat, 'options' | 'size' | 'terminated'>
  }
}

/** `fastify.heartbeat` */
export const heartbeat = fp<{ node: Node }>(async (app, { node }) => {
  app.decorate('heartbeat', node.heartbeat)
}, { name: 'fastify-channels-heartbeat', fastify: '5.x' })
