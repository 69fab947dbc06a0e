import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { channels, type ChannelsOptions } from '../plugins/channels.ts'
import { pagesFolder } from './build.ts'
import { chatRoutes } from './chat/chat.routes.ts'
import { tokenRoutes } from './token.routes.ts'

export interface AppOptions extends FastifyServerOptions {
  /** Whether `POST /token` hands out identities. Default true: this is a demo. */
  readonly demo?: boolean
  readonly channels?: ChannelsOptions
}

/** The demo: its pages, its tokens and its WebSocket routes on one Fastify instance. */
export async function buildApp ({ demo = true, channels: options, ...server }: AppOptions = {}): Promise<FastifyInstance> {
  const app = fastify(server)
  await app.register(channels, { jwt: { secret: randomBytes(32).toString('hex') }, ...options })
  await app.register(fastifyStatic, { root: join(pagesFolder) })
  await app.register(tokenRoutes, { demo })
  await app.register(chatRoutes)
  return app
}
