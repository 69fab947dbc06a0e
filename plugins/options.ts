import type { IncomingMessage } from 'node:http'
import type { FastifyJWTOptions } from '@fastify/jwt'
import type { WebsocketPluginOptions } from '@fastify/websocket'
import type { FastifyRequest } from 'fastify'
import type { Adapter } from '../lib/cluster/adapter.ts'
import type { Clock } from '../lib/clock.ts'
import type { HeartbeatOptions } from '../lib/connection/heartbeat.ts'
import type { Limits } from '../lib/limits/limits.ts'
import type { ProtocolErrorLimit } from '../lib/limits/protocol-error-budget.ts'
import type { RedisClient } from '../lib/redis/client-settings.ts'
import type { DrainOptions } from '../lib/server/services/drain.ts'
import type { User } from '../lib/server/implement.ts'
import type { AsyncApiOptions } from './asyncapi/asyncapi-options.ts'
import type { SessionCheck } from './session-check.ts'
import type { OriginPattern } from './upgrade/origins.ts'
import type { ContractMismatchOption } from './upgrade/route-contracts.ts'

/** Finds the user of a request. A request without a user, `undefined` or `null`, is answered 401. */
export type Identify = (request: FastifyRequest) => unknown

/** The Redis to use: its URL, an instance of ioredis, or a namespace of @fastify/redis. */
export type RedisOption =
  & ({ readonly url: string } | { readonly client: RedisClient } | { readonly namespace: string })
  & { readonly prefix?: string | undefined }

/** Some of the members. One that is `undefined` has its default. */
export type PartialOptions<T> = { readonly [K in keyof T]?: T[K] | undefined }

/** The options of the plugin. Times are in milliseconds, sizes in bytes. */
export interface ChannelsOptions {
  /**
   * Origins whose pages may connect: `'https://app.example.com'`; `*` for a part of one label of the host or for any
   * port, as in `'https://*.example.com'`; a RegExp; a scheme such as `'capacitor:'`; `'null'` for pages without an
   * origin; `(origin, request) => boolean`; or an array of these. `'*'` lets every page connect with the cookies of its
   * visitors. A request without an `Origin` header does not come from a browser and passes.
   * @default the origin that the request was sent to; the scheme counts where TLS or `trustProxy` tells it
   */
  readonly origins?: OriginPattern | readonly OriginPattern[] | undefined
  /**
   * Options of @fastify/jwt, which the plugin then registers.
   * @default the application's own @fastify/jwt is used where it is registered
   */
  readonly jwt?: FastifyJWTOptions | undefined
  /** Finds the user of a request, in place of the token check. Runs after every `onRequest` hook. */
  readonly identify?: Identify | undefined
  /**
   * The id of a user, which connections, quotas and presence are counted by.
   * @default the user's `id`, else its `sub`, else those of the payload of its token
   */
  readonly userId?: ((user: User) => string | Promise<string>) | undefined
  /**
   * The largest message that a client may send. A larger one closes the connection with 1009.
   * @default 65_536
   */
  readonly maxPayload?: number | undefined
  /**
   * The time between two pings of a connection, and the time that its answer may take. The timeout is the shorter.
   * @default { interval: 30_000, timeout: 10_000 }
   */
  readonly heartbeat?: PartialOptions<HeartbeatOptions> | undefined
  /**
   * The time that a handler may take before its sender is answered `timeout`, and `onAppend` before its append rejects
   * with `unavailable`.
   * @default 30_000
   */
  readonly handlerTimeout?: number | undefined
  /**
   * The time that a client may take to answer a close before its socket is destroyed.
   * @default 5_000
   */
  readonly closeTimeout?: number | undefined
  /**
   * How `app.channels.drain()` and `app.close()` move the clients to other nodes: `wait` is the time from the state
   * `draining` until upgrades are refused (not with `app.close()` alone), `spread` the time over which the clients are
   * asked to move, and `timeout` what they may take to move, and handlers to finish. `timeout: 0` closes at once.
   * @default { wait: 0, spread: 5_000, timeout: 10_000 }
   */
  readonly drain?: PartialOptions<DrainOptions> | undefined
  /**
   * The time that an upgrade may take, hooks included, before it is answered 503.
   * @default 5_000
   */
  readonly upgradeTimeout?: number | undefined
  /**
   * Messages of one connection that may wait or run before the server stops reading from its socket.
   * @default 64
   */
  readonly receiveQueueLimit?: number | undefined
  /**
   * Protocol errors (unknown types, invalid payloads) allowed per window before the connection is closed with 1008.
   * @default { max: 10, timeWindow: 60_000 }
   */
  readonly protocolErrors?: PartialOptions<ProtocolErrorLimit> | undefined
  /**
   * Closes a connection on its first protocol error.
   * @default false
   */
  readonly strict?: boolean | undefined
  /**
   * Refuses a contract whose schemas have a pattern prone to backtracking, which is otherwise logged once.
   * @default false
   */
  readonly strictPatterns?: boolean | undefined
  /**
   * How much one server, user, address and connection may use; `Limits` has each meaning and default. `false` lifts the
   * limits on connections and rates, for load tests.
   */
  readonly limits?: PartialOptions<Limits> | false | undefined
  /**
   * Runs `check` for every connection at this interval. When it returns `false`, the connection is closed with 3000.
   */
  readonly sessionCheck?: SessionCheck | undefined
  /**
   * The time that a disconnected user stays present, so that a page reload is not seen as a leave.
   * @default 3_000
   */
  readonly presenceGrace?: number | undefined
  /**
   * The Redis, version 7 or newer, that connects this node with the others. `{ url }`: the plugin connects to it, with
   * a client of its own that is not `app.redis`. `{ client }`: an instance of ioredis, also for Sentinel and Cluster.
   * `{ namespace }`: a client that was registered with @fastify/redis. The plugin opens further connections of its own
   * and closes only those. `prefix` precedes every name in Redis.
   * @default none: the node works alone, in memory
   */
  readonly redis?: RedisOption | undefined
  /**
   * Connects the processes of one machine without Redis, such as workers of node:cluster, PM2 or systemd: those
   * with the same path are one cluster. `true`: a path that follows from the user and the application. One of the
   * processes, the hub, keeps the shared state in its memory. The path is that of a directory, which the plugin makes.
   * @default none: the node works alone, in memory
   */
  readonly local?: true | string | undefined
  /** An adapter of the application, in place of `redis` and `local`; see `fastify-channels/adapter`. */
  readonly adapter?: Adapter | undefined
  /**
   * Whether the application also gets `app.rooms`, `app.registry` and `app.heartbeat`. Pass `false` when it has
   * decorators of these names; `app.channels` has every service in any case.
   * @default true
   */
  readonly decorators?: boolean | undefined
  /**
   * A path that answers `GET` with `app.channels.status()`: 200, or 503 while the server drains or closes.
   * @default no such route
   */
  readonly status?: string | undefined
  /**
   * Serves an AsyncAPI document of the WebSocket routes at `asyncapi.path` with `.json` and `.yaml`. YAML needs the
   * package `yaml`.
   * @default no such routes; `app.channels.asyncapi()` returns the document in any case
   */
  readonly asyncapi?: AsyncApiOptions | undefined
  /**
   * The upgrades of another WebSocket server on the same HTTP server, such as Socket.IO or Vite: paths, each with
   * everything below it, or `(request) => boolean`. The plugin leaves them to the other 'upgrade' listeners.
   * @default none: an upgrade without a WebSocket route gets 404
   */
  readonly otherUpgrades?: readonly string[] | ((request: IncomingMessage) => boolean) | undefined
  /**
   * What happens to clients that were built with another contract than that of their route, as their fingerprint says:
   * `'warn'` writes a line of the log at most every 60 s for each route, `'refuse'` answers 400. A client without a
   * fingerprint is served in any case. A route may have another value, and name earlier contracts that it serves.
   * @default 'ignore'
   */
  readonly contractMismatch?: ContractMismatchOption | undefined
  /** What this node adds to its entry in `registry.nodes()`: any JSON value, or a promise of one. */
  readonly report?: (() => unknown) | undefined
  /** Options of @fastify/websocket, which the plugin registers. */
  readonly websocket?: WebsocketPluginOptions | undefined
  /** A clock for tests. */
  readonly clock?: Clock | undefined
}
