import type { Cluster, Redis } from 'ioredis'
import type { Test } from 'tap'
import type { Adapter } from '../../../lib/cluster/adapter.ts'
import { clusterTimings, scaleTimings } from '../../../lib/cluster/timings.ts'
import { RedisAdapter } from '../../../lib/redis/redis-adapter.ts'
import { silentLog } from '../silent-log.ts'
import { until } from '../until.ts'
import { noEvents } from './adapter-history.ts'
import { KillableRedis } from './killable-redis.ts'

/** The factor by which the lease is shorter than in production. */
const timeScale = 0.04
const { leaseRenewalMs, leaseTtlMs } = scaleTimings(timeScale)
const timings = { ...clusterTimings, leaseRenewalMs, leaseTtlMs }

let clusters = 0

/** Creates adapters that share a new key prefix on one Redis. A killed adapter stops as a crashed process does. */
export function createAdapters (client: Redis | Cluster, nodes: number) {
  const prefix = `test-${++clusters}`
  const processes = new Map(Array.from({ length: nodes }, () => {
    const process = new KillableRedis(client)
    const { client: own, clock } = process
    return [new RedisAdapter({ client: own, prefix, clock, log: silentLog, timings }), process]
  }))
  const adapters = [...processes.keys()]
  const isReady = () => adapters.every((adapter) => adapter.status.state === 'up' && adapter.liveNodes === nodes)
  return {
    prefix,
    adapters,
    timeScale,
    kill: (adapter: Adapter) => {
      processes.get(adapter as RedisAdapter)?.kill()
      adapter.close().catch(() => {})
    },
    ready: () => until(isReady)
  }
}

/** Starts two nodes and waits until each sees the lease of the other. `receiver` gets the events of the second node. */
export async function startPair (t: Test, client: Redis | Cluster, receiver = noEvents) {
  const { prefix, adapters, ready } = createAdapters(client, 2)
  const nodes = adapters as [RedisAdapter, RedisAdapter]
  nodes[0].start(noEvents)
  nodes[1].start(receiver)
  t.teardown(async () => { for (const node of nodes) await node.close() })
  await ready()
  return { prefix, nodes }
}
