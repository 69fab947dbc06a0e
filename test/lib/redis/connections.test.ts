import { Cluster, Redis, type ClusterOptions, type RedisOptions } from 'ioredis'
import t, { type Test } from 'tap'
import type { AdapterEvents } from '../../../lib/cluster/events.ts'
import { RedisAdapter } from '../../../lib/redis/redis-adapter.ts'
import { systemClock } from '../../../lib/clock.ts'
import { scaleTimings } from '../../../lib/cluster/timings.ts'
import { freePort } from '../../support/free-port.ts'
import { startCluster, startRedis, type RedisServer } from '../../support/redis.ts'
import { silentLog } from '../../support/silent-log.ts'
import { until } from '../../support/until.ts'

/** A node after `client`, and what it reports. */
async function start (t: Test, client: Redis | Cluster): Promise<{ adapter: RedisAdapter, reported: string[] }> {
  const adapter = new RedisAdapter({ client, clock: systemClock, log: silentLog, timings: scaleTimings(0.05) })
  const reported: string[] = []
  const receiver: AdapterEvents = {
    message: (channel, frame) => reported.push(`frame ${channel} ${String(frame)}`),
    presenceChanged: (channel, _moment, { joined }) =>
      reported.push(`joined ${channel} ${joined?.map(({ user }) => user).join()}`),
    entriesAppended: (channel, _epoch, entries) =>
      reported.push(...entries.map(({ entry: { id } }) => `entry ${channel} ${id}`)),
    gap: () => {},
    revoked: (key) => reported.push(`revoked ${key}`),
    requested: (question) => question
  }
  adapter.start(receiver)
  t.teardown(() => adapter.close())
  await until(() => adapter.status.state === 'up')
  return { adapter, reported }
}

const entry = { id: '1', encoded: Buffer.from('{}'), whenSlow: undefined, limit: 10, ttl: 60_000 }

/** All that there is in these: keys, and names that somebody is subscribed to. */
async function namesIn (servers: readonly RedisServer[]): Promise<string[]> {
  const found = await Promise.all(
    servers.flatMap((server) => [server.cli('KEYS', '*'), server.cli('PUBSUB', 'SHARDCHANNELS')])
  )
  return found.flat() as string[]
}

async function carriesThePrefix (t: Test, client: Redis | Cluster, servers: readonly RedisServer[]): Promise<void> {
  for (const server of servers) await server.cli('FLUSHALL')
  client.on('error', () => {})
  t.teardown(async () => client.disconnect())
  const { adapter: a } = await start(t, client)
  const { adapter: b, reported } = await start(t, client)
  await until(() => a.liveNodes === 2 && b.liveNodes === 2)
  await b.pubsub.subscribe('x')
  await a.pubsub.publish('x', Buffer.from('{}'))
  await a.presence.enter('x', { connection: 'c', user: 'ann', data: {} })
  await a.history.append('x', entry)
  await a.nodes.revoke('user bob', Date.now() + 60_000)
  t.equal((await a.quota.acquire('ann', 'c', 1)).granted, true)
  t.strictSame(await a.nodes.request('well?', 5_000), { results: [{ node: b.nodeId, answer: 'well?' }], missing: [] })
  await until(() => reported.length === 4)
  t.strictSame([...reported].sort(), ['entry x 1', 'frame x {}', 'joined x ann', 'revoked user bob'])
  const names = await namesIn(servers)
  t.ok(names.length > 10, `${names.length} names`)
  t.strictSame(names.filter((name) => !name.startsWith('app:fastify-channels:')), [])
}

/** ioredis 5 is another library, with clients of other classes. */
const five = await import('ioredis-5' as string) as { readonly Redis: typeof Redis, readonly Cluster: typeof Cluster }

/** Options that change what commands return, how often they are sent, or who gets them. */
const misleading: RedisOptions = {
  stringNumbers: true,
  replyMapping: 'resp3',
  readOnly: true,
  reconnectOnError: () => 2,
  retryStrategy: () => null,
  enableOfflineQueue: true,
  socketTimeout: 1,
  scripts: { spublish: { lua: 'return 1', numberOfKeys: 1 } },
  lazyConnect: true,
  keyPrefix: 'app:'
}

t.test('connections: the application\'s keyPrefix comes before all names, those of pub/sub too', async (t) => {
  const redis = await startRedis(t)
  const keyPrefix = 'app:'
  await t.test('with one Redis', (t) => carriesThePrefix(t, new Redis(redis.url, { keyPrefix }), [redis]))
  await t.test('with ioredis 5', (t) => carriesThePrefix(t, new five.Redis(redis.url, { keyPrefix }), [redis]))
  await t.test('with options that change the replies', (t) =>
    carriesThePrefix(t, new Redis({ ...misleading, port: redis.port } as object), [redis]))
  const servers = await startCluster(t)
  const nodes = servers.map(({ port }) => ({ host: '127.0.0.1', port }))
  for (const [where, options] of [
    ['itself', { keyPrefix }], ['its connections', { redisOptions: { keyPrefix } }]
  ] as const) {
    const urls = servers.map(({ url }) => url)
    await t.test(`with a Cluster, for ${where}`, (t) => carriesThePrefix(t, new Cluster(urls, options), servers))
  }
  await t.test('with ioredis 5, a Cluster', (t) =>
    carriesThePrefix(t, new five.Cluster(nodes, { keyPrefix }), servers))
  await t.test('with a Cluster whose options change the replies', (t) => {
    const startup = nodes.map((node) => ({ ...node, stringNumbers: true }))
    const redisOptions = misleading
    const options = { lazyConnect: true, scaleReads: 'slave', clusterRetryStrategy: () => null, redisOptions }
    return carriesThePrefix(t, new Cluster(startup, options as object), servers)
  })
})

t.test('connections: a Cluster node that knows no address of its own, with a password of its own', async (t) => {
  await reachesOnlyNode(t, [])
})

t.test('connections: a Cluster node that announces an address of another network', async (t) => {
  await reachesOnlyNode(t, ['--cluster-announce-ip', '10.9.9.9'], {
    natMap: (address) => ({ host: '127.0.0.1', port: Number(address.split(':')[1]) })
  })
})

async function reachesOnlyNode (
  t: Test, flags: readonly string[], options: Pick<ClusterOptions, 'natMap'> = {}
): Promise<void> {
  const redis = await startRedis(t, [
    '--cluster-enabled', 'yes', '--cluster-port', `${await freePort()}`, '--requirepass', 'secret', ...flags
  ])
  const startup = { host: '127.0.0.1', port: redis.port, password: 'secret' }
  const admin = new Redis(startup)
  t.teardown(async () => admin.disconnect())
  await admin.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
  await until(async () => String(await admin.call('CLUSTER', 'INFO')).includes('cluster_state:ok'))
  const { adapter, reported } = await start(t, new Cluster([startup], { ...options, lazyConnect: true }))
  await adapter.pubsub.subscribe('x')
  await adapter.presence.enter('x', { connection: 'c', user: 'ann', data: {} })
  await until(() => reported.includes('joined x ann'))
}

t.test('connections: two databases of one Redis are two systems', async (t) => {
  const redis = await startRedis(t)
  const [zero, one, alsoOne] = await Promise.all([
    start(t, new Redis(redis.url, { lazyConnect: true })),
    start(t, new Redis(`${redis.url}/1`, { lazyConnect: true })),
    start(t, new Redis(redis.url, { lazyConnect: true, db: 1 }))
  ])
  await until(() => one.adapter.liveNodes === 2 && alsoOne.adapter.liveNodes === 2)
  for (const { adapter } of [zero, one, alsoOne]) await adapter.pubsub.subscribe('x')
  const { adapter } = one
  await adapter.pubsub.publish('x', Buffer.from('{}'))
  await adapter.presence.enter('x', { connection: 'c', user: 'ann', data: {} })
  await adapter.history.append('x', entry)
  await adapter.nodes.revoke('user bob', Date.now() + 60_000)
  const asked = await adapter.nodes.request('well?', 5_000)
  t.strictSame(asked, { results: [{ node: alsoOne.adapter.nodeId, answer: 'well?' }], missing: [] }, 'one node answers')
  await until(() => alsoOne.reported.length === 4)
  // What the other database had published by then would have arrived first.
  await zero.adapter.presence.enter('x', { connection: 'd', user: 'cy', data: {} })
  await until(() => zero.reported.includes('joined x cy'))
  t.strictSame(zero.reported, ['joined x cy'], 'the other database hears nothing of it')
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

t.test('connections: a Cluster in which a slot has no master serves the channels of the others', async (t) => {
  const redis = await startRedis(t, [
    '--cluster-enabled', 'yes', '--cluster-port', `${await freePort()}`, '--cluster-require-full-coverage', 'no'
  ])
  await redis.cli('CLUSTER', 'ADDSLOTSRANGE', '1', '16383')
  await until(async () => String(await redis.cli('CLUSTER', 'INFO')).includes('cluster_state:ok'))
  const client = new Cluster([{ host: '127.0.0.1', port: redis.port }], { lazyConnect: true })
  const [{ adapter, reported }, other] = [await start(t, client), await start(t, client)]
  await adapter.pubsub.subscribe('x')
  await other.adapter.pubsub.publish('x', Buffer.from('{}'))
  await until(() => reported.includes('frame x {}'))
})

t.test('connections: messages through a Cluster keep their order while its connections are lost', async (t) => {
  const servers = await startCluster(t)
  const cluster = () => new Cluster(servers.map(({ port }) => ({ host: '127.0.0.1', port })), { lazyConnect: true })
  const [{ adapter }, other] = [await start(t, cluster()), await start(t, cluster())]
  await other.adapter.pubsub.subscribe('x')
  const received = () => other.reported.map((line) => Number(line.slice('frame x '.length)))
  let number = 0
  const publish = () => { adapter.pubsub.publish('x', Buffer.from(`${number++}`)).catch(() => {}) }
  for (let round = 0; round < 12; round++) {
    for (const server of servers) await server.cli('CLIENT', 'KILL', 'TYPE', 'normal')
    const killedAt = number
    // Those before are lost, or late.
    await until(() => {
      publish()
      return received().some((one) => one > killedAt)
    })
  }
  const all = received()
  t.strictSame(all, all.toSorted((a, b) => a - b), `${all.length} of ${number} arrived`)
})
