import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../support/free-port.ts'
import { RedisServer, startCluster, startRedis } from '../../support/redis.ts'
import { soon } from '../../support/until.ts'
import { Proxy } from './proxy.ts'
import type { NodeRedis } from './rig-node.ts'
import type { Teardowns } from './teardowns.ts'

export type TopologyName = 'single' | 'sentinel' | 'cluster' | 'local'

/** Redis as the nodes of the rig reach it. */
export interface Topology {
  /** What each node is given. */
  readonly nodes: readonly NodeRedis[]
  /** The networks between a node and Redis, one for each node; none where Redis announces its own addresses. */
  readonly links: readonly Proxy[]
  /** The masters, then their replicas. */
  readonly servers: readonly RedisServer[]
}

const host = '127.0.0.1'

/** @param nodes how many nodes there are */
export function startTopology (name: TopologyName, nodes: number, teardowns: Teardowns): Promise<Topology> {
  const start = {
    single: startSingle, sentinel: startSentinels, cluster: startMastersAndReplicas, local: startLocal
  }[name]
  return start(nodes, teardowns)
}

/** A Redis that keeps everything: each append is on the disk before it is answered. */
async function startSingle (count: number, teardowns: Teardowns): Promise<Topology> {
  const server = await startRedis(teardowns.test, ['--appendonly', 'yes', '--appendfsync', 'always'])
  const links = await Promise.all(Array.from({ length: count }, () => Proxy.open([server.port])))
  teardowns.teardown(() => { for (const link of links) link.end() })
  return { nodes: links.map(({ port }) => ({ url: `redis://${host}:${port}` })), links, servers: [server] }
}

/** No Redis: one of the nodes is the hub. */
async function startLocal (count: number, teardowns: Teardowns): Promise<Topology> {
  const folder = await mkdtemp(join(tmpdir(), 'hub-'))
  teardowns.teardown(() => rm(folder, { recursive: true }))
  return { nodes: Array.from({ length: count }, () => ({ local: join(folder, 'hub') })), links: [], servers: [] }
}

async function startReplica (master: RedisServer, teardowns: Teardowns): Promise<RedisServer> {
  const replica = await startRedis(teardowns.test, ['--replicaof', host, `${master.port}`])
  await soon('the replica is in sync', async () =>
    String(await replica.cli('INFO', 'replication')).includes('master_link_status:up'))
  return replica
}

/** A master, its replica and three Sentinels. */
async function startSentinels (count: number, teardowns: Teardowns): Promise<Topology> {
  const master = await startRedis(teardowns.test)
  const replica = await startReplica(master, teardowns)
  const folder = await mkdtemp(join(tmpdir(), 'sentinels-'))
  teardowns.teardown(() => rm(folder, { recursive: true }))
  const ports = await Promise.all([freePort(), freePort(), freePort()])
  for (const port of ports) {
    const file = join(folder, `${port}.conf`)
    await writeFile(file, [
      `port ${port}`, `bind ${host}`, `sentinel monitor rig ${host} ${master.port} 2`,
      'sentinel down-after-milliseconds rig 1000', 'sentinel failover-timeout rig 5000', ''
    ].join('\n'))
    const sentinel = new RedisServer(port, [], [file, '--sentinel'])
    teardowns.teardown(() => sentinel.end())
    await sentinel.start()
    await soon('the Sentinel knows the replica', async () =>
      String(await sentinel.cli('SENTINEL', 'REPLICAS', 'rig')).includes(`${replica.port}`))
  }
  const redis = { name: 'rig', sentinels: ports.map((port) => ({ host, port })) }
  return { nodes: Array.from({ length: count }, () => redis), links: [], servers: [master, replica] }
}

/** A Redis Cluster of three masters with a replica each. */
async function startMastersAndReplicas (count: number, teardowns: Teardowns): Promise<Topology> {
  const masters = await startCluster(teardowns.test)
  const replicas = await Promise.all(masters.map(async () => {
    const [port, bus] = [await freePort(), await freePort()]
    const flags = ['--cluster-enabled', 'yes', '--cluster-port', `${bus}`, '--cluster-node-timeout', '2000']
    const replica = new RedisServer(port, flags)
    teardowns.teardown(() => replica.end())
    await replica.start()
    return { replica, bus }
  }))
  const [first] = masters as [RedisServer]
  for (const { replica, bus } of replicas) await first.cli('CLUSTER', 'MEET', host, `${replica.port}`, `${bus}`)
  for (const [i, { replica }] of replicas.entries()) {
    const id = String(await (masters[i] as RedisServer).cli('CLUSTER', 'MYID'))
    await soon('the replica knows its master', async () => String(await replica.cli('CLUSTER', 'NODES')).includes(id))
    await replica.cli('CLUSTER', 'REPLICATE', id)
    await soon('it replicates', async () =>
      String(await replica.cli('INFO', 'replication')).includes('master_link_status:up'))
  }
  const cluster = masters.map(({ port }) => ({ host, port }))
  return {
    nodes: Array.from({ length: count }, () => ({ cluster })),
    links: [],
    servers: [...masters, ...replicas.map(({ replica }) => replica)]
  }
}
