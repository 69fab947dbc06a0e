import fastifyWebsocket from '@fastify/websocket'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Node } from '../lib/server/node.ts'
import { closeEvents } from '../lib/protocol/close-events.ts'
import { WebSocketRegistered } from './errors.ts'
import { selectSubprotocol } from './upgrade/handshake.ts'
import type { Settings } from './settings.ts'
import { hideTokens, restoreToken } from './upgrade/token-in-url.ts'
import { UpgradeGuard } from './upgrade/upgrade-guard.ts'

/** Marks a WebSocket route in its `config`. */
const takesUpgrades = Symbol('fastify-channels.takes-upgrades')

/**
 * Registers @fastify/websocket and adds limits on frames, 404 for an upgrade without a WebSocket route, and a shutdown
 * that closes every connection with a reason and does not wait for dead ones.
 */
export const webSocketServer = fp<{ node: Node, settings: Settings }>(async (app, { node, settings }) => {
  if (app.hasDecorator('websocketServer')) throw new WebSocketRegistered()
  hideTokens(app)
  const guard = new UpgradeGuard(app, settings.upgradeTimeout, settings.clock)
  app.addHook('onRoute', (route) => {
    if (route.websocket || route.wsHandler) route.config = { ...route.config, [takesUpgrades]: true }
  })
  await app.register(fastifyWebsocket, {
    errorHandler: (error, socket, request) => {
      // The peer broke RFC 6455 or the network failed. `ws` has closed the connection with a fitting code.
      request.log.info({ err: error.message }, 'connection failed')
      socket.terminate()
    },
    ...settings.websocket,
    options: { ...serverOptions(settings), ...settings.websocket?.options },
    preClose: async () => {
      guard.close()
      await node.close()
      const { code, reason } = closeEvents.goingAway
      for (const other of app.websocketServer.clients) other.close(code, reason)
      app.websocketServer.close()
    }
  })
  app.websocketServer.on('connection', (_socket, request) => guard.release(request.socket))
  app.addHook('onRequest', async (request, reply) => {
    if (!request.ws) return
    if (takesUpgrade(request)) restoreToken(request)
    else if (!request.is404) reply.callNotFound()
  })
}, { name: 'fastify-channels-web-socket-server', fastify: '5.x' })

function serverOptions ({ maxPayload, closeTimeout }: Settings) {
  return {
    maxPayload,
    closeTimeout,
    // Many tiny fragments cost far more memory than maxPayload.
    maxFragments: 256,
    perMessageDeflate: false,
    handleProtocols: selectSubprotocol
  }
}

function takesUpgrade (request: FastifyRequest): boolean {
  return takesUpgrades in request.routeOptions.config
}
