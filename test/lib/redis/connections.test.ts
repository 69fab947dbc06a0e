import { Cluster, Redis } from 'ioredis'
import t, { type Test } from 'tap'
import type { AdapterEvents } from '../../../lib/cluster/events.ts'
import { RedisAdapter } from '../../../lib/redis/redis-adapter.ts'
import { systemClock } from '../../../lib/clock.ts'
import { startCluster, startRedis, type RedisServer } from '../../support/redis.ts'
import { silentLog } from '../../support/silent-log.ts'
import { until } from '../../support/until.ts'

/** A node after `client`, and what it reports. */
async function start (t: Test, client: Redis | Cluster): Promise<{ adapter: RedisAdapter, reported: string[] }> {
  const adapter = new RedisAdapter({ client, clock: systemClock, log: silentLog })
  const reported: string[] = []
  const receiver: AdapterEvents = {
    message: (channel, frame) => reported.push(`frame ${channel} ${String(frame)}`),
    presenceChanged: (channel, _moment, { joined }) =>
      reported.push(`joined ${channel} ${joined?.map(({ user }) => user).join()}`),
    entryAppended: (channel, _epoch, { id }) => reported.push(`entry ${channel} ${id}`),
    gap: () => {},
    revoked: (key) => reported.push(`revoked ${key}`),
    requested: (question) => question
  }
  adapter.start(receiver)
  t.teardown(() => adapter.close())
  await until(() => adapter.status.state === 'up')
  return { adapter, reported }
}

/** All that there is in these: keys, and names that somebody is subscribed to. */
async function namesIn (servers: readonly RedisServer[]): Promise<string[]> {
  const found = await Promise.all(
    servers.flatMap((server) => [server.cli('KEYS', '*'), server.cli('PUBSUB', 'SHARDCHANNELS')])
  )
  return found.flat() as string[]
}

async function carriesThePrefix (t: Test, client: Redis | Cluster, servers: readonly RedisServer[]): Promise<void> {
  client.on('error', () => {})
  t.teardown(async () => client.disconnect())
  const { adapter: a } = await start(t, client)
  const { adapter: b, reported } = await start(t, client)
  await until(() => a.liveNodes === 2 && b.liveNodes === 2)
  await b.pubsub.subscribe('x')
  await a.pubsub.publish('x', Buffer.from('{}'))
  await a.presence.enter('x', { connection: 'c', user: 'ann', data: {} })
  await a.history.append('x', { id: '1', encoded: Buffer.from('{}'), whenSlow: undefined, limit: 10, ttl: 60_000 })
  await a.nodes.revoke('user bob', Date.now() + 60_000)
  t.equal((await a.quota.acquire('ann', 'c', 1)).granted, true)
  t.strictSame(await a.nodes.request('well?', 5_000), { results: [{ node: b.nodeId, answer: 'well?' }], missing: [] })
  await until(() => reported.length === 4)
  t.strictSame([...reported].sort(), ['entry x 1', 'frame x {}', 'joined x ann', 'revoked user bob'])
  const names = await namesIn(servers)
  t.ok(names.length > 10, `${names.length} names`)
  t.strictSame(names.filter((name) => !name.startsWith('app:fastify-channels:')), [])
}

t.test('connections: the application\'s keyPrefix comes before all names, those of pub/sub too', async (t) => {
  await t.test('with one Redis', async (t) => {
    const redis = await startRedis(t)
    await carriesThePrefix(t, new Redis(redis.url, { keyPrefix: 'app:' }), [redis])
  })
  for (const [where, options] of [
    ['itself', { keyPrefix: 'app:' }], ['its connections', { redisOptions: { keyPrefix: 'app:' } }]
  ] as const) {
    await t.test(`with a Cluster, for ${where}`, async (t) => {
      const servers = await startCluster(t)
      await carriesThePrefix(
        t, new Cluster(servers.map(({ port }) => ({ host: '127.0.0.1', port })), options as object), servers
      )
    })
  }
})

t.test('connections: a Cluster node that closes while it reads the slots lets its process end', async (t) => {
  const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length
  const servers = await startCluster(t)
  const client = new Cluster(servers.map(({ port }) => ({ host: '127.0.0.1', port })), { lazyConnect: true })
  const before = timers()
  const { adapter } = await start(t, client)
  const asked = t.capture(Cluster.prototype, 'refreshSlotsCache', Cluster.prototype.refreshSlotsCache)
  for (const server of servers) server.pause()
  await until(() => asked().length > 0)
  await adapter.close()
  for (const server of servers) server.resume()
  await until(() => timers() <= before)
  t.equal(client.status, 'wait', 'what the application gave was never used')
})
