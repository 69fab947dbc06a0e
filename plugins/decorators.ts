import type { FastifyInstance } from 'fastify'
import type { HeartbeatOptions } from '../lib/connection/heartbeat.ts'
import type { Node, NodeStatus } from '../lib/server/node.ts'
import type { Register } from '../lib/server/implement.ts'
import { ContractRegistry, type RegistryService } from '../lib/server/services/registry-service.ts'
import { ContractRooms, type RoomsService } from '../lib/server/services/rooms-service.ts'
import type { AsyncApiDocument } from '../lib/asyncapi/asyncapi-document.ts'
import type { AsyncApiSettings } from '../lib/asyncapi/documented-route.ts'
import type { RegisteredRoutes } from './asyncapi/registered-routes.ts'
import { DecoratorTaken } from './errors.ts'

/** The pings of this node and their results. */
export interface HeartbeatService {
  /** Milliseconds between two pings of a connection, and milliseconds that its answer may take. */
  readonly options: HeartbeatOptions
  /** Connections that this node pings. */
  readonly size: number
  /** Connections closed since the start because they did not answer a ping. */
  readonly terminated: number
}

/** Every service of the plugin, as `app.channels`. */
export interface ChannelsService {
  /** The rooms of declared channels, for code outside their handlers. */
  readonly rooms: RoomsService
  /** The connections, and messages to single users. */
  readonly registry: RegistryService
  /** The pings of this node and their results. */
  readonly heartbeat: HeartbeatService
  /**
   * The state of this node: `up`; `degraded` while Redis cannot be reached; `draining` while the server drains or
   * closes.
   */
  status (): NodeStatus
  /**
   * Moves the clients to other nodes, and resolves when no connection is left: the state becomes `draining`, and after
   * the option `drain.wait` upgrades are refused and clients asked to connect elsewhere. Takes at most `drain.wait`,
   * `drain.timeout` and 2 s. Never rejects; calls share one drain. `app.close()` drains as well, without the wait.
   */
  drain (): Promise<void>
  /**
   * The AsyncAPI document of the WebSocket routes that were registered so far.
   * @param settings of the document; by default those of the option `asyncapi`
   * @throws {ContractError} `FST_CHANNELS_CONTRACT` for an example in a schema that breaks it
   */
  asyncapi (settings?: AsyncApiSettings): Promise<AsyncApiDocument>
}

/** The decorators that the option `decorators: false` leaves out. */
interface Shortcuts {
  /** Short for `channels.rooms`. */
  readonly rooms: RoomsService
  /** Short for `channels.registry`. */
  readonly registry: RegistryService
  /** Short for `channels.heartbeat`. */
  readonly heartbeat: HeartbeatService
}

type DeclaredShortcuts = Register extends { readonly decorators: false } ? {} : Shortcuts

declare module 'fastify' {
  interface FastifyInstance extends DeclaredShortcuts {
    /** Every service of fastify-channels. */
    readonly channels: ChannelsService
  }
}

/** The names of `Shortcuts`. */
const shortcuts = ['rooms', 'registry', 'heartbeat'] as const

/**
 * Adds `app.channels` and, unless `hasShortcuts` is false, `app.rooms`, `app.registry` and `app.heartbeat`.
 * @throws {DecoratorTaken} when the application has a decorator of such a name.
 */
export function decorate (
  app: FastifyInstance, node: Node, routes: RegisteredRoutes, hasShortcuts: boolean
): void {
  const services: ChannelsService = {
    rooms: new ContractRooms(node),
    registry: new ContractRegistry(node),
    heartbeat: node.heartbeat,
    status: () => node.status,
    drain: () => node.drain.start(),
    asyncapi: (settings) => routes.document(settings)
  }
  add(app, 'channels', services, 'rename it')
  if (!hasShortcuts) return
  for (const name of shortcuts) {
    add(app, name, services[name], `rename it, or pass 'decorators: false' and use app.channels.${name}`)
  }
}

function add (app: FastifyInstance, name: keyof ChannelsService | 'channels', service: object, remedy: string): void {
  if (app.hasDecorator(name)) throw new DecoratorTaken(name, remedy)
  app.decorate(name, service as never)
}
