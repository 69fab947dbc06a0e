import { randomBytes } from 'node:crypto'
import type { Server } from 'node:http'
import fastifyStatic from '@fastify/static'
import fastify, { type FastifyHttpOptions, type FastifyInstance } from 'fastify'
import { channels, type ChannelsOptions } from 'fastify-channels'
import { chatRoutes } from './chat/chat.routes.ts'
import { dashboardRoutes } from './dashboard/dashboard.routes.ts'
import { ProcessReader } from './dashboard/process-reader.ts'
import { Sampler } from './dashboard/sampler.ts'
import { editorRoutes } from './editor/editor.routes.ts'
import { pagesFolder } from './pages.ts'
import { tokenRoutes } from './token.routes.ts'

export interface AppOptions extends FastifyHttpOptions<Server> {
  /** Whether `POST /token` gives an identity to anyone who asks. @default true, because this is a demo */
  readonly demo?: boolean
  readonly channels?: ChannelsOptions
}

/** Bounds for sockets that never send a whole request: the server answers 408 within 20 s. */
const impatient: FastifyHttpOptions<Server> = {
  requestTimeout: 15_000,
  http: { headersTimeout: 10_000, connectionsCheckingInterval: 5_000 }
}

/** Builds the demo: its pages, its tokens and its WebSocket routes on one Fastify instance. */
export async function buildApp (
  { demo = true, channels: options, ...server }: AppOptions = {}
): Promise<FastifyInstance> {
  const app = fastify({ ...impatient, ...server })
  const sampler = new Sampler(new ProcessReader(() => app.channels.status()))
  const report = () => sampler.latest
  await app.register(
    channels, { jwt: { secret: randomBytes(32).toString('hex') }, status: '/status', report, ...options }
  )
  await app.register(fastifyStatic, { root: pagesFolder, redirect: true })
  await app.register(tokenRoutes, { demo })
  await app.register(chatRoutes)
  await app.register(dashboardRoutes, { sampler })
  await app.register(editorRoutes)
  return app
}
