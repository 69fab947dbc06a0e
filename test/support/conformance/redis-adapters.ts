import type { Cluster, Redis } from 'ioredis'
import type { Test } from 'tap'
import type { Adapter } from '../../../lib/cluster/adapter.ts'
import { clusterTimings, scaleTimings } from '../../../lib/cluster/timings.ts'
import { RedisAdapter } from '../../../lib/redis/redis-adapter.ts'
import { silentLog } from '../silent-log.ts'
import { deaf } from './adapter-history.ts'
import { KillableRedis } from './killable-redis.ts'

/** How much shorter than in production the lease is. */
const timeScale = 0.04
const { leaseRenewalMs, leaseTtlMs } = scaleTimings(timeScale)
const timings = { ...clusterTimings, leaseRenewalMs, leaseTtlMs }

let clusters = 0

/** Adapters that share a new key prefix on one Redis; a killed one stops like its process. */
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
    kill: (adapter: Adapter) => processes.get(adapter as RedisAdapter)?.kill(),
    ready: async () => { while (!isReady()) await new Promise((resolve) => setTimeout(resolve, 20)) }
  }
}

/** Starts two nodes that see each other's lease; `receiver` gets the events of the second. */
export async function startPair (t: Test, client: Redis | Cluster, receiver = deaf) {
  const { prefix, adapters, ready } = createAdapters(client, 2)
  const nodes = adapters as [RedisAdapter, RedisAdapter]
  nodes[0].start(deaf)
  nodes[1].start(receiver)
  t.teardown(async () => { for (const node of nodes) await node.close() })
  await ready()
  return { prefix, nodes }
}
