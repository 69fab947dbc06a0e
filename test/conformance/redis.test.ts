import { Cluster, Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { systemClock } from '../../lib/clock.ts'
import { Keys } from '../../lib/redis/keys.ts'
import { adapterConformance } from '../../lib/testing/adapter-conformance.ts'
import { createAdapters, startPair } from '../support/conformance/redis-adapters.ts'
import { cuts, expectOneEffect, IdempotentNode, messageId } from '../support/idempotent-node.ts'
import { startCluster, startRedis } from '../support/redis.ts'

function conforms (t: Test, client: Redis | Cluster): void {
  client.on('error', () => {})
  t.teardown(async () => client.disconnect())
  adapterConformance(t, (nodes) => createAdapters(client, nodes))
  t.test('idempotency: a message cut off at any point and sent again has one effect and one reply', async (t) => {
    const { prefix, nodes } = await startPair(t, client)
    for (const [name, cut] of cuts) {
      for (const elsewhere of [true, false]) {
        const channel = `${name} ${elsewhere}`
        const a = new IdempotentNode(nodes[0], systemClock, channel)
        const b = new IdempotentNode(nodes[1], systemClock, channel)
        const claim = new Keys(prefix).ofChannel(channel, `claim:${messageId}`)
        // Deletes the claim of the cut-off attempt, as its expiry after 10 s would.
        await expectOneEffect(t, a, b, { cut, otherNode: elsewhere }, async () => {
          if (cut.leavesClaim) t.equal(await client.del(claim), 1)
        })
      }
    }
  })
}

t.test('Redis adapter: it passes the adapter conformance suite on one Redis', async (t) => {
  const redis = await startRedis(t)
  conforms(t, new Redis(redis.url, { lazyConnect: true }))
})

t.test('Redis adapter: it passes the adapter conformance suite on a Cluster of three masters', async (t) => {
  const servers = await startCluster(t)
  conforms(t, new Cluster(servers.map(({ port }) => ({ host: '127.0.0.1', port })), { lazyConnect: true }))
})
