import { setTimeout as wait } from 'node:timers/promises'
import type { RedisServer } from '../../support/redis.ts'
import type { Rig } from '../rig/rig.ts'
import { presenceBounds, type Fault } from './fault.ts'

const presenceBoundMs = presenceBounds.redisMs

const redisOf = (rig: Rig) => rig.topology.servers[0] as RedisServer

/** A command of an operator. */
function command (name: string, title: string, [first, ...rest]: readonly [string, ...string[]]): Fault {
  return {
    name,
    title,
    lastsMs: 2_000,
    isOverAtOnce: true,
    presenceBoundMs,
    async begin (rig) {
      await redisOf(rig).cli(first, ...rest)
      return async () => {}
    }
  }
}

/** Faults of a single Redis. */
export const redisFaults: readonly Fault[] = [
  {
    name: 'redis-killed',
    title: 'Redis with an AOF is killed (SIGKILL) and starts again after 2 s',
    lastsMs: 2_000,
    presenceBoundMs,
    async begin (rig) {
      await redisOf(rig).kill()
      return () => redisOf(rig).start()
    }
  },
  {
    name: 'redis-paused',
    title: 'Redis stands still for 3 s (SIGSTOP)',
    lastsMs: 3_000,
    presenceBoundMs,
    async begin (rig) {
      redisOf(rig).pause()
      return async () => redisOf(rig).resume()
    }
  },
  command('connections-killed', 'the connections of the nodes to Redis end (`CLIENT KILL TYPE normal`)',
    ['CLIENT', 'KILL', 'TYPE', 'normal']),
  command('subscriptions-killed', 'the subscriptions of the nodes end (`CLIENT KILL TYPE pubsub`)',
    ['CLIENT', 'KILL', 'TYPE', 'pubsub']),
  command('scripts-flushed', 'Redis forgets the scripts (`SCRIPT FLUSH`)', ['SCRIPT', 'FLUSH']),
  { ...command('redis-flushed', 'Redis loses everything (`FLUSHALL`)', ['FLUSHALL']), losesHistory: true },
  {
    name: 'redis-paused-node-killed',
    title: 'two at once: Redis stands still for 3 s, and a node is killed meanwhile and starts again',
    lastsMs: 2_000,
    presenceBoundMs,
    async begin (rig, random) {
      const node = rig.pickNode(random)
      redisOf(rig).pause()
      await wait(random.below(1_000))
      await node.kill()
      return async () => {
        redisOf(rig).resume()
        await node.start()
      }
    }
  }
]
