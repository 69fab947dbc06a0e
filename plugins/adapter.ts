import cluster from 'node:cluster'
import { setTimeout } from 'node:timers/promises'
import fastifyRedis from '@fastify/redis'
import type { FastifyInstance } from 'fastify'
import { Redis } from 'ioredis'
import type { Clock } from '../lib/clock.ts'
import type { Adapter } from '../lib/cluster/adapter.ts'
import { LocalAdapter } from '../lib/local/local-adapter.ts'
import { MemoryAdapter, MemoryHub } from '../lib/memory/memory-adapter.ts'
import { clientIssue, type RedisClient } from '../lib/redis/client-settings.ts'
import { disconnectTimeoutMs, end } from '../lib/redis/connections.ts'
import { RedisAdapter } from '../lib/redis/redis-adapter.ts'
import { InvalidOptions, NoSuchRedis } from './errors.ts'
import type { RedisOption } from './options.ts'
import type { Settings } from './settings.ts'

/**
 * What connects this node to others: Redis, a local hub, the application's own adapter, or nothing.
 * @throws {NoSuchRedis} when @fastify/redis has no such namespace.
 * @throws {InvalidOptions} for a client that is not of ioredis, a malformed URL, and a path that cannot be used.
 */
export async function adapterOf (app: FastifyInstance, settings: Settings): Promise<Adapter> {
  const { redis, local, adapter, clock } = settings
  if (adapter) return adapter
  if (local) return localAdapter(app, local, clock)
  if (!redis) return memoryAdapter(app, new MemoryHub(clock))
  const { prefix } = redis
  return new RedisAdapter({ client: await clientOf(app, redis), clock, log: app.log, ...(prefix && { prefix }) })
}

function memoryAdapter (app: FastifyInstance, hub: MemoryHub): Adapter {
  if (isOneOfSeveralProcesses()) {
    app.log.warn("this process is one of several that share a port, and neither 'local' nor 'redis' is configured: " +
      "rooms, presence and history are not shared between the processes; pass 'local: true' to fastify-channels, or " +
      "'redis'")
  }
  return new MemoryAdapter(hub)
}

function localAdapter (app: FastifyInstance, path: true | string, clock: Clock): Adapter {
  try {
    return new LocalAdapter({ path, clock, log: app.log })
  } catch (error) {
    throw new InvalidOptions(`the option 'local' cannot be used: ${(error as Error).message}`)
  }
}

/** PM2 numbers its instances from 0, and starts a single one as a cluster worker too. */
function isOneOfSeveralProcesses (): boolean {
  const { NODE_APP_INSTANCE: instance } = process.env
  return instance === undefined ? cluster.isWorker : Number(instance) > 0
}

async function clientOf (app: FastifyInstance, redis: RedisOption): Promise<RedisClient> {
  if ('client' in redis) return usable('redis.client', redis.client)
  if ('url' in redis) return privateClient(app, redis.url)
  const client = app.redis?.[redis.namespace]
  if (!client) throw new NoSuchRedis(redis.namespace)
  return usable('redis.namespace', client)
}

function usable<C extends RedisClient> (option: string, client: C): C {
  const issue = clientIssue(client)
  if (issue) throw new InvalidOptions(`'${option}' ${issue}`)
  return client
}

/** Milliseconds that the registration waits for Redis. The server starts without it after that. */
const startTimeoutMs = 1_000

/** A client for this plugin alone. It reconnects by itself, so Redis may be away at the start. */
async function privateClient (app: FastifyInstance, url: string): Promise<Redis> {
  // It may hold a password, so it is not repeated.
  if (!URL.canParse(url)) throw new InvalidOptions("'redis.url' is no URL: check its host and its port")
  const client = new Redis(url, {
    lazyConnect: true,
    enableReadyCheck: false,
    maxRetriesPerRequest: 1,
    connectTimeout: startTimeoutMs,
    disconnectTimeout: disconnectTimeoutMs
  })
  // The adapter's own connections meet the same error, and it is logged once.
  usable('redis.url', client).on('error', () => {})
  app.addHook('onClose', async () => end(client))
  await Promise.race([client.connect().catch(() => {}), setTimeout(startTimeoutMs, undefined, { ref: false })])
  // @fastify/redis does not return before its client is ready, and would fail the registration.
  if (client.status === 'ready') await registerPrivately(app, client)
  return client
}

/**
 * Registers @fastify/redis in a child context, where its decorator stays: `app.redis` is the application's. The child
 * has a `redis` of its own first, so that a client that the application registered before is not found in its place.
 */
async function registerPrivately (app: FastifyInstance, client: Redis): Promise<void> {
  await app.register(async (child) => {
    child.decorate('redis', Object.create(null) as FastifyInstance['redis'])
    await child.register(fastifyRedis, { client, namespace: 'fastify-channels' })
  })
}
