import { Redis } from 'ioredis'
import t from 'tap'
import { historyBound } from '../../../lib/cluster/history-bound.ts'
import { clusterTimings } from '../../../lib/cluster/timings.ts'
import type { Position } from '../../../lib/protocol/position.ts'
import { systemClock } from '../../../lib/clock.ts'
import { RedisHistory } from '../../../lib/redis/history/redis-history.ts'
import { Keys } from '../../../lib/redis/keys.ts'
import type { RedisDeps } from '../../../lib/redis/redis-deps.ts'
import { ScriptRunner } from '../../../lib/redis/script-runner.ts'
import { recoverabilityCases, recoveryBound } from '../../support/recoverability-cases.ts'
import { startRedis } from '../../support/redis.ts'

t.test('history: the Lua script answers the table of recoverability cases as the pure function does', async (t) => {
  const redis = await startRedis(t)
  const client = new Redis(redis.url)
  t.teardown(async () => client.disconnect())
  const scripts = new ScriptRunner(client)
  const keys = new Keys('p')
  const deps = {
    scripts, keys, clock: systemClock, timings: clusterTimings, random: Math.random
  } as unknown as RedisDeps
  const history = new RedisHistory(deps)
  t.strictSame({ ...historyBound }, recoveryBound, 'the table uses the bound of the port')
  // Only a node's history cache holds fewer entries than the history has.
  for (const { title, appended, kept, entryBytes, since, reason } of recoverabilityCases.filter((one) => !one.cached)) {
    const { position } = await history.read(title)
    const positions: Position[] = [position]
    for (let i = 1; i <= appended; i++) {
      const append = {
        id: `${i}`, encoded: Buffer.alloc(entryBytes, 'x'), whenSlow: undefined, limit: kept, ttl: 60_000
      }
      const outcome = await history.append(title, append)
      if ('position' in outcome) positions.push(outcome.position)
    }
    const asked = since && {
      epoch: since.isSameEpoch ? position.epoch : 'other',
      offset: since.offset,
      hash: since.isSameHash ? positions[since.offset]?.hash ?? '' : 'other'
    }
    t.equal((await history.read(title, asked)).reason, reason, title)
  }
})
