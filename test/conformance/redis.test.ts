import { Cluster, Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { Keys } from '../../lib/adapters/redis/keys.ts'
import { RedisAdapter } from '../../lib/adapters/redis/redis.ts'
import { systemClock, type Clock } from '../../lib/clock.ts'
import { adapterConformance } from '../../lib/testing/adapter-conformance.ts'
import { AdapterLog, deaf, Entries } from './adapter-log.ts'
import { RedisBeneath } from './beneath.ts'
import { logProperty } from './log-property.ts'
import { mergeProperty } from './merge-property.ts'
import { silentLog } from '../lib/silent-log.ts'
import { cutOff, cuts, messageId, OnceNode } from '../once-node.ts'
import { startCluster, startRedis } from '../redis.ts'

/** Here nothing else keeps the process alive while a timer runs. */
const clock: Clock = { ...systemClock, setTimeout: (fn, ms) => ms < 1_000 ? setTimeout(fn, ms) : systemClock.setTimeout(fn, ms) }

let clusters = 0

function join (client: Redis | Cluster, nodes: number) {
  const prefix = `test-${++clusters}`
  const adapters = Array.from({ length: nodes }, () => new RedisAdapter({ client, prefix, clock, log: silentLog, lease: { renew: 200, expire: 600 } }))
  const isReady = () => adapters.every((adapter) => adapter.status.state === 'up' && adapter.known === nodes)
  return {
    prefix,
    adapters,
    ready: async () => { while (!isReady()) await new Promise((resolve) => setTimeout(resolve, 20)) }
  }
}

function conforms (t: Test, client: Redis | Cluster, histories: number): void {
  client.on('error', () => {})
  t.teardown(async () => client.disconnect())
  adapterConformance(t, (nodes) => join(client, nodes))
  t.test('a message that is cut off at any point and sent again has one effect, and one reply', async (t) => {
    const { prefix, adapters, ready } = join(client, 2)
    for (const adapter of adapters) adapter.start(deaf)
    t.teardown(async () => { for (const adapter of adapters) await adapter.close() })
    await ready()
    for (const [name, cut] of cuts) {
      for (const elsewhere of [true, false]) {
        const channel = `${name} ${elsewhere}`
        const [a, b] = adapters.map((adapter) => new OnceNode(adapter, clock, channel)) as [OnceNode, OnceNode]
        const claim = new Keys(prefix).ofChannel(channel, `claim:${messageId}`)
        // As 10 s do it.
        await cutOff(t, a, b, { cut, elsewhere }, async () => { if (cut.leaves) t.equal(await client.del(claim), 1) })
      }
    }
  })
  t.test(`${histories} histories of a log are as the model says`, async (t) => {
    const { adapters, ready } = join(client, 2)
    for (const adapter of adapters) adapter.start(deaf)
    t.teardown(async () => { for (const adapter of adapters) await adapter.close() })
    await ready()
    await logProperty(adapters, histories, 50)
  })
  t.test(`${histories} times a node follows a log through loss, disorder, failed reads, failovers and a lost log`, async (t) => {
    const { prefix, adapters, ready } = join(client, 2)
    const [near, far] = adapters as [RedisAdapter, RedisAdapter]
    const entries = new Entries()
    near.start(deaf)
    far.start({ ...deaf, ...entries.receiver })
    t.teardown(async () => { for (const adapter of adapters) await adapter.close() })
    await ready()
    const beneath = new RedisBeneath(client, prefix)
    let channels = 0
    const { members, resyncs } = await mergeProperty(() => AdapterLog.open(`merge ${++channels}`, [near, far], entries, beneath), histories, 50)
    t.ok(members > histories && resyncs > histories / 20, `${members} members, ${resyncs} times begun anew`)
  })
}

t.test('the Redis adapter, one Redis', async (t) => {
  const redis = await startRedis(t)
  conforms(t, new Redis(redis.url, { lazyConnect: true }), 10_000)
})

t.test('the Redis adapter, a Cluster of three masters', async (t) => {
  const servers = await startCluster(t)
  conforms(t, new Cluster(servers.map(({ port }) => ({ host: '127.0.0.1', port })), { lazyConnect: true }), 1_000)
})
