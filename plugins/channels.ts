import fastifyJwt from '@fastify/jwt'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { Node } from '../lib/server/node.ts'
import { adapterOf } from './adapter.ts'
import { heartbeat } from './heartbeat.ts'
import { settingsOf, type ChannelsOptions } from './options.ts'
import { registry } from './registry.ts'
import { rooms } from './rooms.ts'
import { watchSessions } from './session-check.ts'
import { status } from './status.ts'
import { strictJwt } from './upgrade/strict-jwt.ts'
import { webSocketServer } from './web-socket-server.ts'
import { wsRoute } from './ws-route.ts'

declare module '../lib/server/implement.ts' {
  interface Register { request: FastifyRequest }
}

/** The composition root: one node, and a plugin for each of its services. */
export const channels = fp<ChannelsOptions>(async (app, options) => {
  const settings = settingsOf(options)
  const node = new Node(settings, await adapterOf(app, settings), settings.clock, app.log)
  if (settings.jwt) await app.register(fastifyJwt, strictJwt(settings.jwt))
  if (settings.sessionCheck) {
    const end = watchSessions(settings.sessionCheck, node, settings.clock)
    app.addHook('onClose', async () => end())
  }
  await app.register(webSocketServer, { node, settings })
  await app.register(registry, { node })
  await app.register(rooms, { node })
  await app.register(heartbeat, { node })
  await app.register(status, { node, path: settings.status })
  await app.register(wsRoute, { node, settings })
}, { name: 'fastify-channels', fastify: '5.x' })

export default channels
export type { ChannelsOptions } from './options.ts'
export * from '../lib/contract/define-channel.ts'
export * from '../lib/server/implement.ts'
// These also bring each plugin's additions to Fastify's types along.
export type { HeartbeatService } from './heartbeat.ts'
export type { RegistryService } from './registry.ts'
export type { Room, RoomMember, RoomsService } from './rooms.ts'
export type { ConnectionInfo } from '../lib/connection/connection.ts'
export type { WsOptions } from './ws-route.ts'
export type { ChannelsStatus, StatusService } from './status.ts'
export type { NodeInfo, NodeResults } from '../lib/server/services/node-requests.ts'
export type * from '../lib/cluster/adapter.ts'
export type { AdapterEvents } from '../lib/cluster/events.ts'
export type * from '../lib/cluster/history.ts'
export type * from '../lib/cluster/idempotency.ts'
export type * from '../lib/cluster/nodes.ts'
export type * from '../lib/cluster/presence.ts'
export type * from '../lib/cluster/pubsub.ts'
export type * from '../lib/cluster/quota.ts'
export { Behind } from '../lib/protocol/errors.ts'
export type { HistoryContent, HistoryMessage } from '../lib/protocol/history.ts'
export type { Position } from '../lib/protocol/position.ts'
export { closeEvents, type CloseEvent } from '../lib/protocol/close-events.ts'
