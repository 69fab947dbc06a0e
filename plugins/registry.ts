import fp from 'fastify-plugin'
import type { Node } from '../lib/server/node.ts'
import { ContractRegistry, type RegistryService } from '../lib/server/services/registry-service.ts'

export type { RegistryService }

declare module 'fastify' {
  interface FastifyInstance {
    /** Who is connected, and how to reach them. */
    readonly registry: RegistryService
  }
}

/** `fastify.registry` */
export const registry = fp<{ node: Node }>(async (app, { node }) => {
  app.decorate('registry', new ContractRegistry(node))
}, { name: 'fastify-channels-registry', fastify: '5.x' })
