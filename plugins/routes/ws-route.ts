import type { WebSocket } from 'ws'
import type {
  FastifyBaseLogger, FastifyInstance, FastifyRequest, FastifySchema, FastifyTypeProvider, RawReplyDefaultExpression,
  RawRequestDefaultExpression, RawServerBase, RouteGenericInterface, RouteShorthandOptions
} from 'fastify'
import type { Metadata } from '../../lib/connection/metadata.ts'
import type { ImplementedChannel } from '../../lib/server/implement.ts'
import type { Node } from '../../lib/server/node.ts'
import { Router } from '../../lib/server/router.ts'
import type { RegisteredRoutes } from '../asyncapi/registered-routes.ts'
import { DecoratorTaken } from '../errors.ts'
import { RefusalLog } from '../refusal-log.ts'
import { routeBehaviourOf, type RouteSettings } from './route-settings.ts'
import type { Settings } from '../settings.ts'
import { authenticator, type Protection } from '../authentication/authentication.ts'
import { refusePlain } from '../upgrade/handshake.ts'
import { limitPayload } from './payload-limit.ts'
import { checkArguments } from './route-arguments.ts'
import { redactingSerializers } from '../authentication/token-in-url.ts'
import { RouteContracts, type RouteContractsDeps } from '../upgrade/route-contracts.ts'
import { UpgradeHooks } from '../upgrade/upgrade-hooks.ts'

/** The options of a WebSocket route on top of those of a Fastify route. */
export interface WsOptions extends Protection, RouteSettings {
  /** Keeps what handlers need of the request as `ctx.locals`, because the request is gone after the upgrade. */
  readonly locals?: ((request: FastifyRequest) => unknown) | undefined
  /**
   * Describes the connection in `registry.list`, as `connection.metadata`: a flat object of texts, numbers and
   * booleans within 512 bytes, such as `{ device: 'phone' }`.
   */
  readonly metadata?: ((request: FastifyRequest) => Metadata | Promise<Metadata>) | undefined
}

declare module 'fastify' {
  interface FastifyInstance<RawServer, RawRequest, RawReply, Logger, TypeProvider> {
    /**
     * Adds a WebSocket route that serves `channels`. It is an ordinary route until the upgrade: hooks, schemas for
     * query, params and headers, prefix and encapsulation apply. Exists after `await app.register(channels)`.
     * @throws {ChannelsError} `FST_CHANNELS_CONTRACT` for a contract that cannot be served,
     * `FST_CHANNELS_UNPROTECTED_ROUTE` when nothing decides who may connect, `FST_CHANNELS_OPTIONS` for an unknown
     * option, `FST_CHANNELS_ROUTE` for wrong arguments.
     */
    ws (
      url: string, channels: readonly ImplementedChannel[]
    ): FastifyInstance<RawServer, RawRequest, RawReply, Logger, TypeProvider>
    /** The same with options of the route: those of Fastify, and those of `WsOptions`. */
    ws<const SchemaCompiler extends FastifySchema = FastifySchema> (
      url: string,
      options: WsRouteOptions<RawServer, RawRequest, RawReply, SchemaCompiler, TypeProvider, Logger>,
      channels: readonly ImplementedChannel[]
    ): FastifyInstance<RawServer, RawRequest, RawReply, Logger, TypeProvider>
  }
}

export type WsRouteOptions<
  RawServer extends RawServerBase,
  RawRequest extends RawRequestDefaultExpression<RawServer>,
  RawReply extends RawReplyDefaultExpression<RawServer>,
  SchemaCompiler extends FastifySchema,
  TypeProvider extends FastifyTypeProvider,
  Logger extends FastifyBaseLogger
> = WsOptions & Omit<RouteShorthandOptions<
  RawServer, RawRequest, RawReply, RouteGenericInterface, unknown, SchemaCompiler, TypeProvider, Logger
>, 'websocket' | 'handler'>

type Options = WsOptions & RouteShorthandOptions

/** Adds `app.ws`. @throws {DecoratorTaken} when the application has such a decorator. */
export function addWsRoutes (app: FastifyInstance, node: Node, settings: Settings, routes: RegisteredRoutes): void {
  if (app.hasDecorator('ws')) throw new DecoratorTaken('ws', 'rename it')
  const refusals = new RefusalLog(app, settings.clock)
  const hooks = new UpgradeHooks(node, settings, refusals)
  app.decorate('ws', function (this: FastifyInstance, url: string, ...rest: unknown[]) {
    const [options, channels] = (rest.length === 1 && Array.isArray(rest[0]) ? [{}, rest[0]] : rest) as
      [Options, readonly ImplementedChannel[]]
    checkArguments(url, options, channels)
    const { behaviour, contractOptions, rest: own } = routeBehaviourOf(url, options, settings, messageBytesOf(this))
    const { identify, jwt, public: isPublic, locals, metadata, ...route } = own
    const protection = { identify, jwt, public: isPublic }
    const authenticate = authenticator(this, url, protection, settings)
    const contracts = contractsOf(this, { url, ...contractOptions, clock: settings.clock }, channels)
    const shared = {
      ...route,
      ...hooks.around(route, { contracts, authenticate, locals, metadata }),
      url,
      schema: { ...route.schema, hide: true } as FastifySchema,
      exposeHeadRoute: false,
      logSerializers: { ...redactingSerializers(app), ...route.logSerializers },
      childLoggerFactory: refusals.around(route.childLoggerFactory ?? this.childLoggerFactory),
      handler: refusePlain
    }
    const router = new Router(channels, node.contracts, behaviour)
    routes.add({ app: this, url, channels, behaviour, protection, schema: route.schema })
    this.route({ ...shared, method: 'GET', wsHandler: acceptor(node, hooks, refusals, router, settings) })
    // Not the HEAD route that Fastify adds, because that one would take upgrades.
    return this.route({ ...shared, method: 'HEAD' })
  })
}

function contractsOf (
  app: FastifyInstance, about: Omit<RouteContractsDeps, 'contracts' | 'log'>, channels: readonly ImplementedChannel[]
): RouteContracts {
  const contracts = new RouteContracts({ ...about, contracts: channels.map(({ channel }) => channel), log: app.log })
  app.addHook('onReady', () => contracts.prepare())
  return contracts
}

/** The option may be given as one of the plugin or of `ws`. */
function messageBytesOf (app: FastifyInstance): number {
  return app.websocketServer.options.maxPayload as number
}

function acceptor (
  node: Node, hooks: UpgradeHooks, refusals: RefusalLog, router: Router, { websocket }: Settings
) {
  const hasErrorHandler = websocket?.errorHandler !== undefined
  return (webSocket: Parameters<Node['accept']>[0], request: FastifyRequest): void => {
    refusals.admit(request)
    limitPayload(webSocket, router.route.messageBytes)
    const { raw: { socket }, routeOptions: { url } } = request
    const identity = hooks.identityOf(request, url as string)
    const failed = webSocket.listeners('error').at(-1)
    const connection = node.accept(webSocket, socket, identity, router, request.log)
    if (!hasErrorHandler) releaseRequest(webSocket, failed)
    hooks.complete(request, connection)
    connection.flush()
    // Corked by the last hook.
    socket.uncork()
  }
}

/**
 * Removes the listener that @fastify/websocket has added for errors, because it keeps the request and the reply: about
 * 5 KB for each connection. The node has added one of its own before, so the event stays a property of an object with
 * a fixed shape.
 */
function releaseRequest (webSocket: WebSocket, failed: unknown): void {
  webSocket.removeListener('error', failed as () => void)
}
