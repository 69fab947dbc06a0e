import { Cluster, Redis } from 'ioredis'
import t, { type Test } from 'tap'
import type { Adapter } from '../../lib/cluster/adapter.ts'
import { Keys } from '../../lib/redis/keys.ts'
import { RedisAdapter } from '../../lib/redis/redis-adapter.ts'
import { systemClock } from '../../lib/clock.ts'
import { clusterTimings, scaleTimings } from '../../lib/cluster/timings.ts'
import { adapterConformance } from '../../lib/testing/adapter-conformance.ts'
import { AdapterLog, deaf, Entries } from '../support/conformance/adapter-history.ts'
import { RedisBeneath } from '../support/conformance/beneath.ts'
import { KillableRedis } from '../support/conformance/killable-redis.ts'
import { logProperty } from '../support/conformance/history-property.ts'
import { mergeProperty } from '../support/conformance/merge-property.ts'
import { silentLog } from '../support/silent-log.ts'
import { cutOff, cuts, messageId, OnceNode } from '../support/idempotent-node.ts'
import { startCluster, startRedis } from '../support/redis.ts'

/** How much shorter than in production the lease is. */
const timeScale = 0.04
const { leaseRenewalMs, leaseTtlMs } = scaleTimings(timeScale)
const timings = { ...clusterTimings, leaseRenewalMs, leaseTtlMs }

let clusters = 0

function join (client: Redis | Cluster, nodes: number) {
  const prefix = `test-${++clusters}`
  const processes = new Map(Array.from({ length: nodes }, () => {
    const process = new KillableRedis(client)
    return [new RedisAdapter({ client: process.client, prefix, clock: process.clock, log: silentLog, timings }), process]
  }))
  const adapters = [...processes.keys()]
  const isReady = () => adapters.every((adapter) => adapter.status.state === 'up' && adapter.liveNodes === nodes)
  return {
    prefix,
    adapters,
    timeScale,
    kill: (adapter: Adapter) => processes.get(adapter as RedisAdapter)?.kill(),
    ready: async () => { while (!isReady()) await new Promise((resolve) => setTimeout(resolve, 20)) }
  }
}

/** Two nodes that know each other; `receiver` gets the events of the second. */
async function pair (t: Test, client: Redis | Cluster, receiver = deaf) {
  const { prefix, adapters, ready } = join(client, 2)
  const nodes = adapters as [RedisAdapter, RedisAdapter]
  nodes[0].start(deaf)
  nodes[1].start(receiver)
  t.teardown(async () => { for (const node of nodes) await node.close() })
  await ready()
  return { prefix, nodes }
}

function conforms (t: Test, client: Redis | Cluster, histories: number): void {
  client.on('error', () => {})
  t.teardown(async () => client.disconnect())
  adapterConformance(t, (nodes) => join(client, nodes))
  t.test('idempotency: a message cut off at any point and sent again has one effect and one reply', async (t) => {
    const { prefix, nodes } = await pair(t, client)
    for (const [name, cut] of cuts) {
      for (const elsewhere of [true, false]) {
        const channel = `${name} ${elsewhere}`
        const [a, b] = [new OnceNode(nodes[0], systemClock, channel), new OnceNode(nodes[1], systemClock, channel)]
        const claim = new Keys(prefix).ofChannel(channel, `claim:${messageId}`)
        // Deletes the claim of the cut-off attempt, as its expiry after 10 s would.
        await cutOff(t, a, b, { cut, elsewhere }, async () => { if (cut.leaves) t.equal(await client.del(claim), 1) })
      }
    }
  })
  t.test(`${histories} random histories behave like the model`, async (t) => {
    const { nodes } = await pair(t, client)
    await logProperty(nodes, histories, 50)
  })
  t.test(`a node follows ${histories} histories through loss, disorder and failovers`, async (t) => {
    const entries = new Entries()
    const { prefix, nodes } = await pair(t, client, { ...deaf, ...entries.receiver })
    const beneath = new RedisBeneath(client, prefix)
    let channels = 0
    const open = () => AdapterLog.open(`merge ${++channels}`, nodes, entries, beneath)
    const { members, resyncs } = await mergeProperty(open, histories, 50)
    t.ok(members > histories && resyncs > histories / 20, `${members} members, ${resyncs} resyncs`)
  })
}

t.test('Redis adapter: it passes the conformance suite on one Redis', async (t) => {
  const redis = await startRedis(t)
  conforms(t, new Redis(redis.url, { lazyConnect: true }), 10_000)
})

t.test('Redis adapter: it passes the conformance suite on a Cluster of three masters', async (t) => {
  const servers = await startCluster(t)
  conforms(t, new Cluster(servers.map(({ port }) => ({ host: '127.0.0.1', port })), { lazyConnect: true }), 1_000)
})
