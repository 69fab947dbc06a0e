import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import fastifyWebsocket from '@fastify/websocket'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { ServerOptions, WebSocket } from 'ws'
import type { Node } from '../../lib/server/node.ts'
import { closeEvents } from '../../lib/protocol/close-events.ts'
import { BadHandshake, NoSuchRoute, WebSocketRegistered } from '../errors.ts'
import { selectSubprotocol } from '../upgrade/handshake.ts'
import { withoutUndefined } from '../option-schemas.ts'
import type { Settings } from '../settings.ts'
import { prepareTokens } from '../authentication/token-carriers.ts'
import { restoreToken } from '../authentication/token-in-url.ts'
import { checkClient } from './client-check.ts'
import { readFrames } from './frame-reader.ts'
import { rawAnswer } from './raw-answer.ts'
import { UpgradeGuard } from './upgrade-guard.ts'
import { destroyAfterWrites, webSocketRequestsOf, type HttpSocket } from './upgrade-requests.ts'
import { WaitingSockets } from './waiting-sockets.ts'

/** Marks a WebSocket route in its `config`. */
const takesUpgrades = Symbol('fastify-channels.takes-upgrades')

/**
 * Registers @fastify/websocket and adds limits on frames, 404 for an upgrade without a WebSocket route, and a shutdown
 * that closes every connection with a reason and does not wait for dead ones.
 */
export const webSocketServer = fp<{ node: Node, settings: Settings }>(async (app, { node, settings }) => {
  if (app.hasDecorator('websocketServer')) throw new WebSocketRegistered()
  const { options } = settings.websocket ?? {}
  const server = webSocketRequestsOf(options?.server as Server | undefined ?? app.server, settings.otherUpgrades)
  closeRefused(app, server)
  prepareTokens(server)
  const guard = new UpgradeGuard(server, settings.upgradeTimeout, settings.clock)
  node.drain.onRefuse(() => guard.close())
  const waiting = new WaitingSockets(app.server, settings.clock)
  app.addHook('onRoute', (route) => {
    if (route.websocket || route.wsHandler) route.config = Object.assign({}, route.config, { [takesUpgrades]: true })
  })
  await app.register(fastifyWebsocket, {
    errorHandler: closeFailed,
    ...settings.websocket,
    options: { ...serverOptions(settings), ...withoutUndefined(options), ...answeredHere, server },
    preClose: async () => closeConnections(app, node, waiting)
  })
  answerPings(app)
  explainRefusals(app, node)
  app.websocketServer.on('connection', (webSocket: WebSocket, request) => {
    guard.release(request.socket)
    waiting.release(request.socket)
    releaseResponse(request.socket)
    readFrames(webSocket)
  })
  checkRequests(app, options as ServerOptions)
}, { name: 'fastify-channels-web-socket-server', fastify: '5.x' })

/** The options of `ws` that `checkClient` applies in its place. */
const answeredHere = { verifyClient: undefined, path: undefined } as object

function checkRequests (app: FastifyInstance, options: ServerOptions = {}): void {
  app.addHook('onRequest', (request, reply, done) => {
    const isTaken = takesUpgrade(request)
    if (request.ws && !isTaken) refuseUpgrade(request, reply)
    if (request.ws) restoreToken(request)
    if (!isTaken || (options.path === undefined && !options.verifyClient)) return done()
    return checkClient(options, request, reply)
  })
}

/** Answers what only `ws` finds wrong, such as malformed extensions: `ws` would give no reason. */
function explainRefusals (app: FastifyInstance, node: Node): void {
  app.websocketServer.on('wsClientError', (error: Error, socket: Socket) => {
    node.counters.countRejection('http_400')
    socket.write(rawAnswer(new BadHandshake(`${error.message}.`)))
    destroyAfterWrites(socket)
  })
}

/** The WebSocket of `injectWS` does not answer pings, so the heartbeat would close it. */
function answerPings (app: FastifyInstance): void {
  const { injectWS } = app
  app.injectWS = async (path = '/', context, options) => {
    const { pathname, search } = new URL(path.startsWith('/') ? `ws://localhost${path}` : path, 'ws://localhost')
    let failure: { readonly error: unknown } | undefined
    const opened = await injectWS(`${pathname}${search}`, context, {
      onInit: (webSocket) => {
        webSocket.on('ping', (data: Buffer) => webSocket.pong(data))
        options?.onInit?.(webSocket)
      },
      // An error here would reach nobody, and leave the promise pending.
      onOpen: (webSocket) => {
        try {
          options?.onOpen?.(webSocket)
        } catch (error) {
          failure = { error }
        }
      }
    })
    if (failure === undefined) return opened
    opened.terminate()
    throw failure.error
  }
}

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

/** @throws {NoSuchRoute} 404 */
function refuseUpgrade ({ method, url }: FastifyRequest, reply: FastifyReply): never {
  reply.header('cache-control', 'no-store')
  throw new NoSuchRoute(method, url)
}

/** Closes the connections of other WebSocket routes, too. With `clientTracking: false` nobody knows them. */
async function closeConnections (app: FastifyInstance, node: Node, waiting: WaitingSockets): Promise<void> {
  await node.close()
  const { code, reason } = closeEvents.goingAway
  for (const other of app.websocketServer.clients ?? []) other.close(code, reason)
  app.websocketServer.close()
  waiting.closeAll()
}

/**
 * Closes the connection of every upgrade that gets an HTTP response, and says so in the response. Node would announce
 * `keep-alive`, and a proxy that believes it loses its next request.
 */
function closeRefused (app: FastifyInstance, webSocketRequests: Server): void {
  webSocketRequests.on('upgrade', (request: Upgrade) => { request[isUpgrade] = true })
  const { routing } = app
  // @fastify/websocket makes the response of an upgrade and passes it here.
  app.routing = (request: Upgrade, response: ServerResponse) => {
    if (request[isUpgrade]) {
      response.shouldKeepAlive = false
      response.on('finish', closeAfterAnswer)
    }
    routing(request, response)
  }
}

/** A property, because a WeakMap of all upgrades costs each of them more, and every collection again. */
const isUpgrade = Symbol('fastify-channels.is-upgrade')

type Upgrade = IncomingMessage & { [isUpgrade]?: true }

function closeAfterAnswer (this: ServerResponse): void {
  destroyAfterWrites(this.req.socket)
}

/** The response of an upgrade has no end, so its socket would keep it and its request alive. */
function releaseResponse (socket: HttpSocket): void {
  socket._httpMessage?.detachSocket(socket)
}

/**
 * The peer broke RFC 6455, the network failed, or a handler of the application threw. In the first two cases `ws` is
 * closing the connection with a fitting code: a client that is still sending must be able to read that code.
 */
function closeFailed (error: Error, socket: WebSocket, request: FastifyRequest): void {
  request.log.info({ err: error.message }, 'connection failed')
  if (socket.readyState === socket.OPEN) socket.close(closeEvents.failed.code, closeEvents.failed.reason)
}
