import fastifyJwt from '@fastify/jwt'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { Node } from '../lib/server/node.ts'
import { addDocumentRoutes } from './asyncapi/document-routes.ts'
import { RegisteredRoutes } from './asyncapi/registered-routes.ts'
import { adapterOf } from './adapter.ts'
import { strictJwt } from './authentication/strict-jwt.ts'
import { decorate } from './decorators.ts'
import { AlreadyRegistered } from './errors.ts'
import type { ChannelsOptions } from './options.ts'
import { watchSessions } from './session-check.ts'
import { settingsOf, type Settings } from './settings.ts'
import { webSocketServer } from './server/web-socket-server.ts'
import { addWsRoutes } from './routes/ws-route.ts'

/**
 * What an application tells the library about its types, by declaration merging:
 *
 *     declare module 'fastify-channels' {
 *       interface Register { user: { id: string }, locals: { tenant: string } }
 *     }
 *
 * `user` is the type of `ctx.user`. Default: the type of `request.user`. `locals` is the type of `ctx.locals`, which a
 * route's option `locals` returns. Default: `unknown`.
 */
export interface Register {}

type ApplicationTypes = Register

declare module '../lib/server/implement.ts' {
  interface Register extends ApplicationTypes { request: FastifyRequest }
}

/** Marks a server that has the plugin, of whatever build, because two of them would both answer an upgrade. */
const hasChannels: unique symbol = Symbol.for('fastify-channels.registered')

/**
 * The plugin. Wait for its registration, because `app.ws` and the services exist only then:
 * `await app.register(channels, options)`. Plugins registered after it find them without waiting.
 * @throws {ChannelsError} `FST_CHANNELS_OPTIONS` for a wrong option, `FST_CHANNELS_ALREADY_REGISTERED`,
 * `FST_CHANNELS_DECORATOR_TAKEN`, `FST_CHANNELS_NO_SUCH_REDIS` or `FST_CHANNELS_WEBSOCKET_REGISTERED`.
 */
export const channels = fp<ChannelsOptions>(async (app, options) => {
  const settings = settingsOf(options)
  markServer(app.server)
  const node = new Node(settings, await adapterOf(app, settings), settings.clock, app.log)
  await node.start()
  if (settings.jwt) await app.register(fastifyJwt, strictJwt(settings.jwt))
  checkSessions(app, node, settings)
  await app.register(webSocketServer, { node, settings })
  const routes = new RegisteredRoutes(settings)
  decorate(app, node, routes, settings.decorators)
  if (settings.status !== undefined) addStatusRoute(app, settings.status, node)
  addWsRoutes(app, node, settings, routes)
  if (settings.asyncapi) addDocumentRoutes(app, routes, settings.asyncapi)
}, { name: 'fastify-channels', fastify: '>=5.12.8 <6' })

/** @throws {AlreadyRegistered} */
function markServer (server: FastifyInstance['server'] & { [hasChannels]?: true }): void {
  if (server[hasChannels]) throw new AlreadyRegistered()
  server[hasChannels] = true
}

function checkSessions (app: FastifyInstance, node: Node, { sessionCheck, clock, handlerTimeout }: Settings): void {
  if (!sessionCheck) return
  const stop = watchSessions(sessionCheck, node, clock, handlerTimeout)
  app.addHook('onClose', async () => stop())
}

/** Answers `GET path` with the node's status: 200, or 503 while the server closes. It is logged from `warn` on. */
function addStatusRoute (app: FastifyInstance, path: string, node: Node): void {
  app.get(path, { schema: { hide: true } as object, logLevel: 'warn' }, async (_request, reply) => {
    return reply.code(node.status.state === 'draining' ? 503 : 200).send(node.status)
  })
}

export default channels
export { defineChannel, defineConnection } from '../lib/contract/define-channel.ts'
export { handler, implement } from '../lib/server/implement.ts'
export type {
  ChannelContext, ChannelPreHandler, Handler, Handlers, Implementation, ImplementedChannel, MessageContext,
  PreHandler
} from '../lib/server/implement.ts'
export { closeEvents, type CloseEvent } from '../lib/protocol/close-events.ts'
export { Behind, ChannelsError } from '../lib/protocol/errors.ts'
export type { HistoryContent, HistoryMessage, HistoryPage } from '../lib/protocol/history.ts'
export type { Position } from '../lib/protocol/position.ts'
export type { ConnectionInfo } from '../lib/connection/connection-info.ts'
export type { Target } from '../lib/connection/registry.ts'
export type { GivenTarget } from '../lib/server/services/check-arguments.ts'
export type { NodeStatus } from '../lib/server/node.ts'
export type { Metadata } from '../lib/connection/metadata.ts'
export type { ConnectionFilter, ListedConnection, NodeInfo } from '../lib/server/services/local-node-requests.ts'
export type { NodeResults, Page, Reached } from '../lib/server/services/node-requests.ts'
export type { RegistryService } from '../lib/server/services/registry-service.ts'
export type { PageOptions } from '../lib/server/services/pages.ts'
export type { Room } from '../lib/server/services/room.ts'
export type { RoomsService } from '../lib/server/services/rooms-service.ts'
export type { ChannelsService, HeartbeatService } from './decorators.ts'
export type { AsyncApiOptions } from './asyncapi/asyncapi-options.ts'
export type { ChannelsOptions } from './options.ts'
export type { ConnectionContext } from '../lib/server/route.ts'
export type { WsOptions } from './routes/ws-route.ts'
