import { Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { systemClock } from '../lib/clock.ts'
import type { HeartbeatOptions } from '../lib/connection/heartbeat.ts'
import { defaultLimits, noLimits } from '../lib/limits/limits.ts'
import type { ProtocolErrorLimit } from '../lib/limits/protocol-error-budget.ts'
import type { DrainOptions } from '../lib/server/services/drain.ts'
import { asyncApiOption } from './asyncapi/asyncapi-options.ts'
import { refuseEmptyKeys } from './authentication/strict-jwt.ts'
import { InvalidOptions } from './errors.ts'
import {
  callback, connectionLimits, contractMismatch, count, flag, int32, milliseconds, millisecondsFrom0, optionals,
  positive, problemOf, shape, text, withoutUndefined, wrongValue
} from './option-schemas.ts'
import type { ChannelsOptions, RedisOption } from './options.ts'
import { originCheck } from './upgrade/origins.ts'

const limits = optionals({
  connections: positive, perUser: positive, perIp: positive, ...connectionLimits
}, 'false, or an object of limits')

const redisShapes = "{ url: 'redis://…' }, { client } or { namespace }, each with an optional 'prefix'"

const redis = optionals({
  url: Type.String({ pattern: '^rediss?://', description: "a URL that begins with 'redis://' or 'rediss://'" }),
  client: Type.Object({}, { description: 'an instance of ioredis' }),
  namespace: text,
  prefix: Type.String({ pattern: '^[^{}]{1,64}$', description: "a text of 1 to 64 characters without '{' and '}'" })
}, redisShapes)

const websocket = Type.Object({
  options: Type.Optional(Type.Partial(Type.Object({
    maxPayload: int32, maxFragments: int32, maxBufferedChunks: int32, maxPendingAutoPongs: int32
  }), { description: 'the options of ws' }))
}, { description: 'the options of @fastify/websocket' })

// `refuseEmptyKeys` checks the secret, and @fastify/jwt the other options.
const jwt = Type.Partial(Type.Object({
  namespace: text, jwtVerify: text, cookie: Type.Object({ cookieName: text }, { description: '{ cookieName, signed }' })
}), { description: 'the options of @fastify/jwt, such as { secret }' })

const definition = optionals({
  // Checked by `originCheck`.
  origins: Type.Unknown(),
  jwt,
  identify: callback,
  userId: callback,
  maxPayload: int32,
  heartbeat: optionals({ interval: milliseconds, timeout: milliseconds }, '{ interval, timeout }'),
  handlerTimeout: milliseconds,
  closeTimeout: milliseconds,
  drain: optionals({
    wait: millisecondsFrom0, spread: millisecondsFrom0, timeout: millisecondsFrom0
  }, '{ wait, spread, timeout }'),
  upgradeTimeout: milliseconds,
  receiveQueueLimit: positive,
  protocolErrors: optionals({ max: count, timeWindow: milliseconds }, '{ max, timeWindow }'),
  strict: flag,
  strictPatterns: flag,
  limits,
  sessionCheck: shape({ interval: milliseconds, check: callback }),
  presenceGrace: Type.Integer({ minimum: 0, description: 'a whole number of milliseconds from 0' }),
  redis,
  local: Type.Union([Type.Literal(true), Type.String({ minLength: 1 })], { description: 'true or a path' }),
  adapter: Type.Object({}, { description: 'an adapter, as fastify-channels/adapter describes it' }),
  decorators: flag,
  status: Type.String({ pattern: '^/', description: "a path that begins with '/'" }),
  asyncapi: asyncApiOption,
  otherUpgrades: Type.Union([Type.Array(Type.String({ pattern: '^/.' })), Type.Function([], Type.Unknown())], {
    description: "an array of paths such as ['/socket.io'], or a function"
  }),
  contractMismatch,
  report: callback,
  websocket,
  clock: Type.Object({}, { description: 'a clock' })
}, 'an object')

const schema = TypeCompiler.Compile(definition)

/** Every option, in the order of the documentation. */
export const optionNames: readonly string[] = Object.keys(definition.properties)

const heartbeat: HeartbeatOptions = { interval: 30_000, timeout: 10_000 }
const drain: DrainOptions = { wait: 0, spread: 5_000, timeout: 10_000 }
const protocolErrors: ProtocolErrorLimit = { max: 10, timeWindow: 60_000 }

/** The options, each with its value or its default. */
export type Settings = ReturnType<typeof settingsOf>

/** @throws {InvalidOptions} for an unknown option, a wrong value, or options that contradict each other. */
export function settingsOf (given: ChannelsOptions) {
  const options = withoutUndefined(given)
  checkValues(options)
  const settings = {
    maxPayload: 65_536,
    handlerTimeout: 30_000,
    closeTimeout: 5_000,
    upgradeTimeout: 5_000,
    presenceGrace: 3_000,
    clock: systemClock,
    receiveQueueLimit: 64,
    decorators: true,
    contractMismatch: 'ignore' as const,
    ...options,
    heartbeat: { ...heartbeat, ...withoutUndefined(options.heartbeat) },
    drain: { ...drain, ...withoutUndefined(options.drain) },
    limits: options.limits === false ? noLimits : { ...defaultLimits, ...withoutUndefined(options.limits) },
    protocolErrors: {
      ...protocolErrors, ...withoutUndefined(options.protocolErrors), ...(options.strict && { max: 0 })
    }
  }
  checkCombinations(options, settings.heartbeat)
  return settings
}

function checkValues (options: ChannelsOptions): void {
  const { limits, ...rest } = options
  const error = schema.Errors(limits === false ? rest : options).First()
  if (error) throw new InvalidOptions(problemOf(error))
  if (options.redis) checkRedis(options.redis)
  if (options.jwt) refuseEmptyKeys(options.jwt)
  originCheck(options.origins)
}

/** A variable of the environment that is not set must not become the Redis at localhost. */
function checkRedis (redis: RedisOption): void {
  const given = Object.entries(redis).filter(([name]) => name !== 'prefix')
  const [[name, value] = []] = given
  if (given.length !== 1) throw new InvalidOptions(wrongValue('redis', redisShapes))
  if (value === undefined) {
    throw new InvalidOptions(`'redis.${name}' is undefined: pass its value, or leave out 'redis' for a single process`)
  }
}

function checkCombinations (options: ChannelsOptions, heartbeat: HeartbeatOptions) {
  const { maxPayload, websocket } = options
  const [one, other] = (['adapter', 'local', 'redis'] as const).filter((name) => options[name])
  if (other) throw new InvalidOptions(`'${one}' and '${other}' are mutually exclusive: pass one of them`)
  if (heartbeat.timeout >= heartbeat.interval) {
    throw new InvalidOptions("'heartbeat.timeout' is not shorter than 'heartbeat.interval': pass a shorter timeout")
  }
  const nested = websocket?.options?.maxPayload
  if (maxPayload !== undefined && nested !== undefined && nested !== maxPayload) {
    throw new InvalidOptions("'websocket.options.maxPayload' contradicts 'maxPayload': pass only 'maxPayload'")
  }
}
