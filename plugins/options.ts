import type { FastifyJWTOptions } from '@fastify/jwt'
import type { WebsocketPluginOptions } from '@fastify/websocket'
import { Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import type { FastifyRequest } from 'fastify'
import type { Cluster, Redis } from 'ioredis'
import type { Adapter } from '../lib/cluster/adapter.ts'
import { systemClock, type Clock } from '../lib/clock.ts'
import type { HeartbeatOptions } from '../lib/connection/heartbeat.ts'
import { defaultLimits, noLimits, type Limits } from '../lib/limits/limits.ts'
import type { ProtocolErrorLimit } from '../lib/limits/protocol-error-budget.ts'
import { InvalidOptions } from './errors.ts'
import type { SessionCheck } from './session-check.ts'

/** Who a request comes from; undefined or null is nobody, and answered 401. */
export type Identify = (request: FastifyRequest) => unknown

export type RedisOption = ({ readonly url: string } | { readonly client: Redis | Cluster } | { readonly namespace: string }) & { readonly prefix?: string }

/** The options of the plugin. Times are in milliseconds, sizes in bytes. */
export interface ChannelsOptions {
  /**
   * Origins that browsers may connect from, e.g. `['https://app.example.com']`; `'*'` lets every page connect with its
   * visitors' cookies. Default: the host that the request was sent to. A request without `Origin` is not a browser's.
   */
  readonly origins?: readonly string[] | '*'
  /** Options of `@fastify/jwt`, which is then registered here. Default: it is used where the application registered it. */
  readonly jwt?: FastifyJWTOptions
  /** Who a request comes from, in place of the token check. It runs after every `onRequest` hook. */
  readonly identify?: Identify
  /** What identifies a user. Default: `id`, else `sub`. */
  readonly userId?: (user: never) => string
  /** The largest message accepted; a larger one closes with 1009. Default 65,536. */
  readonly maxPayload?: number
  /** Pings, and how long an answer may take; the timeout is the shorter. Default every 30,000 and 10,000. */
  readonly heartbeat?: Partial<HeartbeatOptions>
  /** How long a handler may take before its sender is answered `timeout`. Default 30,000. */
  readonly handlerTimeout?: number
  /** How long a peer may take to answer a close before its socket is destroyed. Default 5,000. */
  readonly closeTimeout?: number
  /** How long an upgrade may take, hooks included, before it is answered 503. Default 5,000. */
  readonly upgradeTimeout?: number
  /** Messages of one connection that may wait or run before we stop reading from it. Default 64. */
  readonly receiveQueueLimit?: number
  /** Unknown types and invalid payloads forgiven before a connection is closed. Default 10 in 60,000. */
  readonly protocolErrors?: Partial<ProtocolErrorLimit>
  /** Forgive none of them. Default false. */
  readonly strict?: boolean
  /**
   * How much anybody may use: `Limits` says what each means, and its default. `false` lifts those on connections and rates,
   * for load tests.
   */
  readonly limits?: Partial<Limits> | false
  /** Asked every so many milliseconds for each connection: is this session still good? `false` closes it with 3000. */
  readonly sessionCheck?: SessionCheck
  /** How long a user whose connection was lost stays present, so that a reload does not flicker. Default 3,000. */
  readonly presenceGrace?: number
  /**
   * The Redis, version 7 or newer, that joins this process to others with the same one. Default: nothing, rooms live in this process.
   * `{ url }`: connected to by us, and shared as `fastify.redis`; `{ client }`: an instance of ioredis, with Sentinels and Clusters as well; `{ namespace }`: one
   * registered with `@fastify/redis`. Of the last two we make connections of our own, and yours stay yours. `prefix` comes before all names in Redis.
   */
  readonly redis?: RedisOption
  /** What joins this process to others in place of Redis. */
  readonly adapter?: Adapter
  /** A path that answers `GET` with `channels.status()`: 200, or 503 while the server is ending. Default: none. */
  readonly status?: string
  /** What this node adds of its own to `registry.nodes()`: anything that JSON can say. */
  readonly report?: () => unknown
  /** Options of `@fastify/websocket`, which is registered here. */
  readonly websocket?: WebsocketPluginOptions
  /** Time, for tests. */
  readonly clock?: Clock
}

const milliseconds = Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1 })

const positive = Type.Integer({ minimum: 1 })
const closed = { additionalProperties: false }
const rate = Type.Object({ max: positive, timeWindow: milliseconds }, closed)
const tolerance = Type.Object({ max: Type.Integer({ minimum: 0 }), timeWindow: milliseconds }, closed)

const prefix = Type.Optional(Type.String({ minLength: 1, maxLength: 64, pattern: '^[^{}]+$' }))

const definition = Type.Object({
  origins: Type.Optional(Type.Union([Type.Literal('*'), Type.Array(Type.String())])),
  jwt: Type.Optional(Type.Object({})),
  identify: Type.Optional(Type.Function([], Type.Unknown())),
  userId: Type.Optional(Type.Function([], Type.Unknown())),
  maxPayload: Type.Optional(positive),
  heartbeat: Type.Optional(Type.Partial(Type.Object({ interval: milliseconds, timeout: milliseconds }), closed)),
  handlerTimeout: Type.Optional(milliseconds),
  closeTimeout: Type.Optional(milliseconds),
  upgradeTimeout: Type.Optional(milliseconds),
  receiveQueueLimit: Type.Optional(positive),
  protocolErrors: Type.Optional(Type.Partial(tolerance, closed)),
  strict: Type.Optional(Type.Boolean()),
  limits: Type.Optional(Type.Union([Type.Literal(false), Type.Partial(Type.Object({
    connections: positive,
    perUser: positive,
    perIp: positive,
    channels: positive,
    messages: rate,
    bytes: rate,
    joins: rate,
    rateLimitErrors: tolerance,
    sendQueueBytes: positive
  }), closed)])),
  sessionCheck: Type.Optional(Type.Object({ interval: milliseconds, check: Type.Function([], Type.Unknown()) }, closed)),
  presenceGrace: Type.Optional(Type.Integer({ minimum: 0 })),
  redis: Type.Optional(Type.Union([
    Type.Object({ url: Type.String({ pattern: '^rediss?://' }), prefix }, closed),
    Type.Object({ client: Type.Object({}), prefix }, closed),
    Type.Object({ namespace: Type.String({ minLength: 1 }), prefix }, closed)
  ])),
  adapter: Type.Optional(Type.Object({})),
  status: Type.Optional(Type.String({ pattern: '^/' })),
  report: Type.Optional(Type.Function([], Type.Unknown())),
  websocket: Type.Optional(Type.Object({})),
  clock: Type.Optional(Type.Object({}))
}, closed)

const schema = TypeCompiler.Compile(definition)

/** Every option, in the order of the documentation. */
export const optionNames: readonly string[] = Object.keys(definition.properties)

const heartbeat: HeartbeatOptions = { interval: 30_000, timeout: 10_000 }
const protocolErrors: ProtocolErrorLimit = { max: 10, timeWindow: 60_000 }

/** The limits and times, every one of them set. */
export type Settings = ReturnType<typeof settingsOf>

/** Checks the options, the one time that anybody does. @throws {InvalidOptions} which names the option. */
export function settingsOf (options: ChannelsOptions) {
  const fault = schema.Errors(options).First()
  if (fault) throw new InvalidOptions(`${fault.path}: ${fault.message}`)
  const settings = {
    maxPayload: 65_536,
    handlerTimeout: 30_000,
    closeTimeout: 5_000,
    upgradeTimeout: 5_000,
    presenceGrace: 3_000,
    clock: systemClock,
    receiveQueueLimit: 64,
    ...options,
    heartbeat: { ...heartbeat, ...options.heartbeat },
    limits: options.limits === false ? noLimits : { ...defaultLimits, ...options.limits },
    protocolErrors: { ...protocolErrors, ...options.protocolErrors, ...(options.strict && { max: 0 }) }
  }
  if (options.redis && options.adapter) throw new InvalidOptions('/adapter: either that or redis')
  if (settings.heartbeat.timeout >= settings.heartbeat.interval) {
    throw new InvalidOptions('/heartbeat: the timeout must be shorter than the interval')
  }
  return settings
}
