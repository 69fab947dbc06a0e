import fastifyRedis from '@fastify/redis'
import fastify from 'fastify'
import { Redis } from 'ioredis'
import t from 'tap'
import { channels } from '../../plugins/channels.ts'
import { tokenSecret } from '../../routes/secret.ts'
import { startRedis } from '../support/redis.ts'
import { makeApp } from '../support/serve.ts'

type NodeRedis = Readonly<Record<
  'createClient' | 'createClientPool' | 'createCluster' | 'createSentinel', (options?: object) => object
>>

const up = async (status: () => { state: string }) => {
  while (status().state !== 'up') {
    await new Promise((resolve) =>
      setTimeout(resolve, 5))
  }
}

t.test('the redis option', async (t) => {
  const redis = await startRedis(t)

  t.test('{ url } makes a client of its own and leaves app.redis to the application', async (t) => {
    const { app } = await makeApp(t, { redis: { url: redis.url } })
    t.notOk(app.hasDecorator('redis'))
    await app.register(fastifyRedis, { url: redis.url, closeClient: true })
    await app.ready()
    t.equal(await app.redis.ping(), 'PONG')
    await up(() => app.channels.status())
  })

  t.test('{ url } works beside an @fastify/redis that was registered before', async (t) => {
    const app = fastify()
    t.teardown(() => app.close())
    await app.register(fastifyRedis, { url: redis.url })
    const before = app.redis
    await app.register(channels, { redis: { url: redis.url } })
    t.equal(app.redis, before)
    t.equal(Object.keys(app.redis).includes('fastify-channels'), false, 'and nothing was added to it')
    await up(() => app.channels.status())
  })

  t.test('{ client } and { namespace } stay the application\'s, with a prefix of one\'s own', async (t) => {
    const client = new Redis(redis.url)
    t.teardown(async () => client.disconnect())
    const { app } = await makeApp(t, { redis: { client, prefix: 'mine' } })
    await up(() => app.channels.status())
    await app.close()
    t.equal(await client.ping(), 'PONG')
    t.ok((await client.keys('mine:*')).length > 0)

    const own = fastify()
    t.teardown(() => own.close())
    await own.register(fastifyRedis, { url: redis.url, namespace: 'shared' })
    await own.register(channels, { redis: { namespace: 'shared' } })
    await up(() => own.channels.status())
  })

  t.test('is refused where it names nothing, is none, or stands beside an adapter', async (t) => {
    await t.rejects(
      makeApp(t, { redis: { namespace: 'nowhere' } }), { code: 'FST_CHANNELS_NO_SUCH_REDIS', message: /nowhere/ }
    )
    for (const bad of [{ url: 'http://localhost' }, {}, { url: redis.url, prefix: 'a{b' }]) {
      await t.rejects(makeApp(t, { redis: bad as never }), { code: 'FST_CHANNELS_OPTIONS' })
    }
    const nodes = await import('@redis/client' as string) as NodeRedis
    const { createClient, createClientPool, createCluster, createSentinel } = nodes
    const nodeRedis = [
      createClient(), createClientPool(), createCluster({ rootNodes: [] }),
      createSentinel({ name: 'x', sentinelRootNodes: [] }), { send_command () {}, duplicate () {}, options: {} }
    ]
    for (const client of nodeRedis) {
      await t.rejects(makeApp(t, { redis: { client: client as never } }), { message: /node-redis/ })
    }
    const promise = Promise.resolve(new Redis(redis.url, { lazyConnect: true }))
    for (const client of [{}, { isCluster: false, status: 'wait', options: {} }, promise]) {
      await t.rejects(makeApp(t, { redis: { client: client as never } }), { message: /not a client of ioredis/ })
    }
    await t.rejects(makeApp(t, { redis: { url: redis.url }, adapter: {} as never }), { message: /mutually exclusive/ })
  })
})

t.test('a Redis that is not there does not keep the server from starting', async (t) => {
  const { app } = await makeApp(t, { redis: { url: 'redis://127.0.0.1:1' } })
  await app.ready()
  t.match(app.channels.status(), { state: 'degraded', since: Number, reason: String })
})

t.test('nodes of one demo agree on the secret of their tokens', async (t) => {
  const redis = await startRedis(t)
  t.equal(await tokenSecret('given', redis.url), 'given')
  const first = await tokenSecret(undefined, redis.url)
  t.equal(await tokenSecret(undefined, redis.url), first)
  t.match(first, /^[0-9a-f]{64}$/)
  t.not(await tokenSecret(undefined, undefined), first, 'alone, each start makes its own')
  await redis.kill()
  t.match(await tokenSecret(undefined, redis.url), /^[0-9a-f]{64}$/, 'as it does while Redis is away')
})
