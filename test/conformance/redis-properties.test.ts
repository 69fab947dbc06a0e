import { Cluster, Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { AdapterHistory, EntryRouter, noEvents } from '../support/conformance/adapter-history.ts'
import { RedisHistoryStorage } from '../support/conformance/history-storage.ts'
import { historyProperty } from '../support/conformance/history-property.ts'
import { mergeProperty } from '../support/conformance/merge-property.ts'
import { startPair } from '../support/conformance/redis-adapters.ts'
import { startCluster, startRedis } from '../support/redis.ts'
import { cases } from '../support/long-form.ts'

/** In milliseconds: 10,000 runs take longer than the 30 s that tap allows a test. */
const timeout = 300_000
t.setTimeout(4 * timeout)

function holdsProperties (t: Test, client: Redis | Cluster, server: string, histories: number): void {
  client.on('error', () => {})
  t.teardown(async () => client.disconnect())
  const title = (text: string) => `Redis adapter on ${server}: ${histories} ${text}`
  t.test(title('random histories equal those of the model'), { timeout }, async (t) => {
    const { nodes } = await startPair(t, client)
    await historyProperty(nodes, histories, 50)
  })
  t.test(title('histories arrive in order despite loss and failovers'), { timeout }, async (t) => {
    const router = new EntryRouter()
    const { prefix, nodes } = await startPair(t, client, { ...noEvents, ...router.receiver })
    const storage = new RedisHistoryStorage(client, prefix)
    let channels = 0
    const open = () => AdapterHistory.open(`merge ${++channels}`, nodes, router, storage)
    const { members, resyncs } = await mergeProperty(open, histories, 50)
    t.ok(members > histories && resyncs > histories / 60, `${members} members, ${resyncs} resyncs`)
  })
}

t.test('Redis adapter: the properties of a history hold on one Redis', { timeout: 2 * timeout }, async (t) => {
  const redis = await startRedis(t)
  holdsProperties(t, new Redis(redis.url, { lazyConnect: true }), 'one Redis', cases(10_000, 300))
})

t.test('Redis adapter: the properties of a history hold on a Cluster', { timeout: 2 * timeout }, async (t) => {
  const nodes = (await startCluster(t)).map(({ port }) => ({ host: '127.0.0.1', port }))
  holdsProperties(t, new Cluster(nodes, { lazyConnect: true }), 'a Cluster of three masters', cases(1_000, 150))
})
