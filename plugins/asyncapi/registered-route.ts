import type { FastifyInstance, FastifySchema } from 'fastify'
import type { ImplementedChannel } from '../../lib/server/implement.ts'
import type { RouteBehaviour } from '../../lib/server/route.ts'
import type { Protection } from '../authentication/authentication.ts'
import type { ChannelsOptions } from '../options.ts'

/** A WebSocket route, as it was registered. */
export interface RegisteredRoute {
  readonly app: FastifyInstance
  readonly url: string
  readonly channels: readonly ImplementedChannel[]
  readonly protection: Protection
  readonly behaviour: RouteBehaviour
  readonly schema: FastifySchema | undefined
}

/** The options of the plugin that a document depends on. */
export type DocumentOptions = Pick<ChannelsOptions, 'identify' | 'jwt' | 'asyncapi'>
