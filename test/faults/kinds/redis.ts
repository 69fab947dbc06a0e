import type { Rig } from '../rig/rig.ts'
import type { RedisServer } from '../../support/redis.ts'
import { presenceBounds, type Fault } from './fault.ts'

const presenceBoundMs = presenceBounds.redisMs

const redisOf = (rig: Rig) => rig.topology.servers[0] as RedisServer

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
  }
]
