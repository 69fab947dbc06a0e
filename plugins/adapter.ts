import { setTimeout } from 'node:timers/promises'
import fastifyRedis from '@fastify/redis'
import type { FastifyInstance } from 'fastify'
import { Redis, type Cluster } from 'ioredis'
import type { Adapter } from '../lib/cluster/adapter.ts'
import { MemoryAdapter, MemoryHub } from '../lib/memory/memory-adapter.ts'
import { RedisAdapter } from '../lib/redis/redis-adapter.ts'
import { NoSuchRedis } from './errors.ts'
import type { RedisOption, Settings } from './options.ts'

/** What joins this process to others: Redis, what the application brought, or nothing. @throws {NoSuchRedis} */
export async function adapterOf (app: FastifyInstance, { redis, adapter, clock }: Settings): Promise<Adapter> {
  if (!redis) return adapter ?? new MemoryAdapter(new MemoryHub(clock))
  const { prefix } = redis
  return new RedisAdapter({ client: await clientOf(app, redis), clock, log: app.log, ...(prefix && { prefix }) })
}

async function clientOf (app: FastifyInstance, redis: RedisOption): Promise<Redis | Cluster> {
  if ('client' in redis) return redis.client
  if ('url' in redis) return shared(app, redis.url)
  const client = app.redis?.[redis.namespace]
  if (!client) throw new NoSuchRedis(redis.namespace)
  return client
}

/** Milliseconds that a Redis gets to be there at the start: without it the server begins all the same. */
const patience = 1_000

/** A client that the application may use as well, as `fastify.redis`. It may be away at the start, and comes and goes as it likes. */
async function shared (app: FastifyInstance, url: string): Promise<Redis> {
  const client = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 1, connectTimeout: patience })
  client.on('error', (err) => app.log.debug({ err: err.message }, 'Redis is away'))
  app.addHook('onClose', async () => client.disconnect())
  await Promise.race([client.connect().catch(() => {}), setTimeout(patience, undefined, { ref: false })])
  if (app.hasDecorator('redis')) return client
  // @fastify/redis fails where its client is not there within its time.
  if (client.status === 'ready') await app.register(fastifyRedis, { client })
  else app.decorate('redis', client as unknown as FastifyInstance['redis'])
  return client
}
