import { randomUUID } from 'node:crypto'
import type {
  FastifyBaseLogger, FastifyInstance, FastifyRequest, FastifySchema, FastifyTypeProvider, RawReplyDefaultExpression,
  RawRequestDefaultExpression, RawServerBase, RouteGenericInterface, RouteShorthandOptions
} from 'fastify'
import fp from 'fastify-plugin'
import type { ImplementedChannel } from '../lib/server/implement.ts'
import type { Node } from '../lib/server/node.ts'
import { Router } from '../lib/server/router.ts'
import { Admission } from './upgrade/admission.ts'
import { authenticator, type Authenticated, type Protection } from './upgrade/authentication.ts'
import { Unauthenticated } from './errors.ts'
import { checkHandshake } from './upgrade/handshake.ts'
import type { Settings } from './options.ts'
import { originCheck } from './upgrade/origins.ts'
import { redactingSerializers } from './upgrade/token-in-url.ts'

/** What a WebSocket route may say on top of Fastify's route options. */
export interface WsOptions extends Protection {
  /** What handlers need of the request: it is gone once the connection stands. They find it as `ctx.context`. */
  readonly locals?: (request: FastifyRequest) => unknown
}

/** What was found out about a request on its way to the switch. */
interface Admitted extends Authenticated { readonly context?: unknown }

declare module 'fastify' {
  interface FastifyInstance<RawServer, RawRequest, RawReply, Logger, TypeProvider> {
    /**
     * Adds a WebSocket route that serves `channels`. It is an ordinary route up to the switch: hooks, schemas for query,
     * params and headers, prefix and encapsulation apply.
     * Throws `FST_CHANNELS_CONTRACT` for a contract that cannot be served, `FST_CHANNELS_UNPROTECTED_ROUTE` when nothing
     * says who may connect.
     */
    ws<const SchemaCompiler extends FastifySchema = FastifySchema> (
      url: string,
      options: WsRouteOptions<RawServer, RawRequest, RawReply, SchemaCompiler, TypeProvider, Logger>,
      channels: readonly ImplementedChannel[]
    ): FastifyInstance<RawServer, RawRequest, RawReply, Logger, TypeProvider>
  }
}

export type WsRouteOptions<
  RawServer extends RawServerBase, RawRequest extends RawRequestDefaultExpression<RawServer>, RawReply extends RawReplyDefaultExpression<RawServer>,
  SchemaCompiler extends FastifySchema, TypeProvider extends FastifyTypeProvider, Logger extends FastifyBaseLogger
> = WsOptions & Omit<RouteShorthandOptions<RawServer, RawRequest, RawReply, RouteGenericInterface, unknown, SchemaCompiler, TypeProvider, Logger>, 'websocket' | 'handler'>

/** `app.ws`: routes whose connections this node's dispatch serves. */
export const wsRoute = fp<{ node: Node, settings: Settings }>(async (app, { node, settings }) => {
  const admission = new Admission(settings.limits, node.adapter, settings.clock)
  const checkOrigin = originCheck(settings.origins)
  const admitted = new WeakMap<FastifyRequest, Admitted>()
  const serializers = redactingSerializers(app)

  app.decorate('ws', function (this: FastifyInstance, url: string, { identify, public: open, locals, ...route }: WsOptions & RouteShorthandOptions, channels: readonly ImplementedChannel[]) {
    const authenticate = authenticator(this, url, { ...(identify && { identify }), ...(open && { public: open }) }, settings)
    const router = routerOf(channels, node)
    return this.route({
      ...route,
      method: 'GET',
      url,
      schema: { ...route.schema, hide: true } as FastifySchema,
      exposeHeadRoute: false,
      logSerializers: { ...serializers, ...route.logSerializers },
      onRequest: [
        checkHandshake,
        checkOrigin,
        admission.bySource,
        ...hooks(route.onRequest),
        async (request, reply) => {
          const authenticated = await authenticate(request)
          if (node.revocations.isRevoked(authenticated)) throw new Unauthenticated()
          await admission.byUser(authenticated.userId, request, reply)
          admitted.set(request, { ...authenticated, verify: unrevoked(authenticated.verify, node) })
        }
      ],
      preHandler: [
        ...hooks(route.preHandler),
        async (request) => { admitted.set(request, { ...admitted.get(request) as Admitted, context: await locals?.(request) }) }
      ],
      onError: [
        ...hooks(route.onError),
        async (_request, _reply, { statusCode = 500 }) => node.counters.countRejection(`http_${statusCode}`)
      ],
      // Never reached: a request that is no upgrade is refused before.
      handler: checkHandshake,
      wsHandler: (webSocket, request) => {
        const identity = { ...admitted.get(request) as Admitted, id: randomUUID(), ip: request.ip }
        const log = request.log.child({ connection: identity.id, user: identity.userId })
        node.accept(webSocket, request.raw.socket, identity, router, log)
      }
    })
  })
}, { name: 'fastify-channels-ws-route', fastify: '5.x' })

function routerOf (channels: readonly ImplementedChannel[], node: Node): Router {
  return new Router(channels, node.contracts)
}

function unrevoked (verify: Authenticated['verify'], { revocations }: Node): Authenticated['verify'] {
  return verify && (async (token) => {
    const credentials = await verify(token)
    if (revocations.isRevoked(credentials)) throw new Unauthenticated()
    return credentials
  })
}

function hooks<H> (given: H | H[] | undefined): H[] {
  return given === undefined ? [] : Array.isArray(given) ? given : [given]
}
