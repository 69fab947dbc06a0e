import { setTimeout as wait } from 'node:timers/promises'
import { moveSlot, ownerOf } from '../../support/move-slot.ts'
import type { RedisServer } from '../../support/redis.ts'
import type { Random } from '../../support/random.ts'
import { soon } from '../../support/until.ts'
import type { Rig } from '../rig/rig.ts'
import { presenceBounds, type Fault } from './fault.ts'

const presenceBoundMs = presenceBounds.redisMs

const roleOf = async (server: RedisServer) => String(await server.cli('ROLE'))

/** Resolves once the replica is a master. */
function promoted (replica: RedisServer): Promise<void> {
  return soon('the replica is the master', async () => (await roleOf(replica)).startsWith('master'))
}

/** The masters of a Cluster, with the replica of each. */
function pairsOf ({ topology: { servers } }: Rig): Array<readonly [RedisServer, RedisServer]> {
  const half = servers.length / 2
  return servers.slice(0, half).map((master, i) => [master, servers[i + half] as RedisServer])
}

/** Kills a master whose replica has got nothing of it for a while. Resolves to what waits for the new master. */
async function failLagging (master: RedisServer, replica: RedisServer, random: Random): Promise<() => Promise<void>> {
  replica.pause()
  // What is on its way to the replica arrives. What follows is acked without it.
  await master.cli('CLIENT', 'KILL', 'TYPE', 'replica')
  await wait(300 + random.below(500))
  await master.kill()
  replica.resume()
  return () => promoted(replica)
}

/** The same; the killed master returns, empty, as the replica of the new one. */
async function failAndReturn (
  master: RedisServer, replica: RedisServer, random: Random, follow: () => Promise<void>
): Promise<() => Promise<void>> {
  const end = await failLagging(master, replica, random)
  return async () => {
    await end()
    await master.start()
    await follow()
    await soon('the old master is in sync', async () =>
      String(await master.cli('INFO', 'replication')).includes('master_link_status:up'))
  }
}

/** Faults of Redis with replicas. */
export const failoverFaults: readonly Fault[] = [
  {
    name: 'sentinel-failover',
    title: 'Sentinels: the master is killed (SIGKILL) and its replica takes over',
    topology: 'sentinel',
    lastsMs: 0,
    losesHistory: true,
    presenceBoundMs,
    async begin ({ topology: { servers: [master, replica] } }) {
      await master?.kill()
      return () => promoted(replica as RedisServer)
    }
  },
  {
    name: 'cluster-failover',
    title: 'Cluster: a master is killed (SIGKILL) and its replica takes over',
    topology: 'cluster',
    lastsMs: 0,
    losesHistory: true,
    presenceBoundMs,
    async begin (rig, random) {
      const [master, replica] = random.pick(pairsOf(rig))
      await master.kill()
      return () => promoted(replica)
    }
  },
  {
    name: 'sentinel-failover-lagging',
    title: 'Sentinels: the master is killed while its replica lags by 0.3 to 0.8 s',
    topology: 'sentinel',
    lastsMs: 0,
    losesHistory: true,
    presenceBoundMs,
    begin: ({ topology: { servers: [master, replica] } }, random) =>
      failLagging(master as RedisServer, replica as RedisServer, random)
  },
  {
    name: 'cluster-failover-lagging',
    title: 'Cluster: a master is killed while its replica lags by 0.3 to 0.8 s',
    topology: 'cluster',
    lastsMs: 0,
    losesHistory: true,
    presenceBoundMs,
    begin: (rig, random) => failLagging(...random.pick(pairsOf(rig)), random)
  },
  {
    name: 'sentinel-failover-durable',
    title: 'the same with a durable history: Sentinels; the old master returns as a replica',
    topology: 'sentinel',
    pattern: 'durable',
    lastsMs: 0,
    losesHistory: true,
    presenceBoundMs,
    begin ({ topology: { servers } }, random) {
      const [master, replica] = servers as readonly [RedisServer, RedisServer]
      const follow = async () => { await master.cli('REPLICAOF', '127.0.0.1', `${replica.port}`) }
      return failAndReturn(master, replica, random, follow)
    }
  },
  {
    name: 'cluster-failover-durable',
    title: 'the same with a durable history: Cluster; the old master returns as a replica',
    topology: 'cluster',
    pattern: 'durable',
    lastsMs: 0,
    losesHistory: true,
    presenceBoundMs,
    // A node of a Cluster finds its new master by itself.
    begin: (rig, random) => failAndReturn(...random.pick(pairsOf(rig)), random, async () => {})
  },
  {
    name: 'slot-moved',
    title: 'Cluster: the slots of four channels move to another master under load',
    topology: 'cluster',
    lastsMs: 0,
    presenceBoundMs,
    async begin (rig, random) {
      const masters = pairsOf(rig).map(([master]) => master)
      return async () => {
        for (let i = 0; i < 4; i++) {
          const key = `{c:rig/${random.below(12)}}`
          const slot = Number(await (masters[0] as RedisServer).cli('CLUSTER', 'KEYSLOT', key))
          const owner = await ownerOf(masters, slot)
          await moveSlot(masters, slot, random.pick(masters.filter((master) => master !== owner)))
          await wait(200)
        }
      }
    }
  }
]
