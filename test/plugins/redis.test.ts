import fastifyRedis from '@fastify/redis'
import fastify from 'fastify'
import { Redis } from 'ioredis'
import t from 'tap'
import { WebSocket } from 'ws'
import { connect } from '../../lib/client/index.ts'
import { channels, implement } from '../../plugins/channels.ts'
import { tokenSecret } from '../../routes/secret.ts'
import { freePort } from '../support/free-port.ts'
import { news } from '../support/news.contract.ts'
import { RedisServer, startRedis } from '../support/redis.ts'
import { listen, makeApp } from '../support/serve.ts'
import { until } from '../support/until.ts'

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

t.test('an outage of Redis under traffic is logged once, and so is its end', async (t) => {
  const redis = await startRedis(t)
  const { app, sink } = await makeApp(t, { redis: { url: redis.url }, limits: { perUser: 10 } })
  app.ws('/ws', { public: true }, [implement(news, {
    authorize: () => true,
    presence: () => ({}),
    on: {
      post: async (ctx, number) => { await ctx.broadcast('posted', number) },
      wave: (ctx) => ctx.broadcast('waved', undefined)
    }
  })])
  const { url } = await listen(app, sink)
  const client = connect<typeof news>(`${url}/ws`, { WebSocket })
  t.teardown(async () => client.close())
  const channel = await client.join('news/:room', { room: '1' }, { onResync: 'ignore' })
  await channel.send('post', 1)
  const before = sink.lines.length
  for (const [fault, cause, end] of [
    [() => redis.kill(), /ECONNREFUSED/, () => redis.start()],
    [() => redis.cli('CONFIG', 'SET', 'maxmemory', '1'), /OOM/, () => redis.cli('CONFIG', 'SET', 'maxmemory', '0')]
  ] as const) {
    await fault()
    for (let i = 0; i < 20; i++) {
      await channel.send('post', i).catch(() => {})
      await channel.send('wave').catch(() => {})
    }
    await client.join('news/:room', { room: `${sink.lines.length}` }, { onResync: 'ignore' }).catch(() => {})
    // An outage that ends before the next attempt to connect has no better cause than the closed connection.
    await until(() => cause.test(app.channels.status().reason ?? ''))
    await end()
    await up(() => app.channels.status())
    await channel.send('post', 1)
  }
  const ofRedis = sink.lines.slice(before).filter(({ level, msg }) => level >= 40 || /Redis/.test(msg))
  const lines = ofRedis.map(({ level, msg }) => `${level} ${msg}`)
  t.match(lines, [
    /^40 Redis refuses connections \(ECONNREFUSED /, /^30 Redis works again/,
    /^40 Redis is out of memory \(OOM\)/, /^30 Redis works again/
  ])
  t.equal(lines.length, 4, 'nothing else is logged')
})

t.test('a wrong password is logged once, without the password and before anyone asks', async (t) => {
  const redis = await startRedis(t, ['--requirepass', 'secret'])
  const { app, sink } = await makeApp(t, { redis: { url: `redis://:sesame@127.0.0.1:${redis.port}` } })
  await app.ready()
  await until(() => sink.lines.some(({ level }) => level >= 40))
  const { reason } = app.channels.status() as { reason?: string }
  t.equal(reason, 'Redis refuses the password (WRONGPASS): correct the user and the password')
  await app.close()
  t.strictSame(sink.lines.filter(({ level }) => level >= 40).map(({ msg }) => msg.startsWith(String(reason))), [true])
  t.notMatch(JSON.stringify(sink.lines), /sesame/, 'nor at the level debug')
})

t.test('a Redis that is not there does not keep the server from starting, and is used once it is there', async (t) => {
  const redis = new RedisServer(await freePort())
  t.teardown(() => redis.end())
  const { app } = await makeApp(t, { redis: { url: redis.url } })
  await app.ready()
  t.match(app.channels.status(), { state: 'degraded', since: Number, reason: String })
  await redis.start()
  await up(() => app.channels.status())
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

t.test('the redis option: an application whose Redis is away lets its process end soon after it closes', async (t) => {
  const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length
  const before = timers()
  const { app } = await makeApp(t, { redis: { url: `redis://127.0.0.1:${await freePort()}` } })
  await app.ready()
  await app.close()
  const closedAt = performance.now()
  await until(() => timers() <= before)
  t.ok(performance.now() - closedAt < 1_000, 'no timer waits for the lost connection')
})
