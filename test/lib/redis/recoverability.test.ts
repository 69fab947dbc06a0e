import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { historyBound } from '../../../lib/cluster/history-bound.ts'
import { clusterTimings } from '../../../lib/cluster/timings.ts'
import type { Position } from '../../../lib/protocol/position.ts'
import { systemClock } from '../../../lib/clock.ts'
import { RedisHistory } from '../../../lib/redis/history/redis-history.ts'
import { connectionsOf } from '../../../lib/redis/connections.ts'
import { Keys } from '../../../lib/redis/keys.ts'
import type { RedisDeps } from '../../../lib/redis/redis-deps.ts'
import { ScriptRunner } from '../../../lib/redis/script-runner.ts'
import { recoverabilityCases, recoveryBound } from '../../support/recoverability-cases.ts'
import { startRedis } from '../../support/redis.ts'
import { watchCommands } from '../../support/watch-commands.ts'

async function startHistory (t: Test) {
  const redis = await startRedis(t)
  const client = new Redis(redis.url)
  t.teardown(async () => client.disconnect())
  const deps = {
    scripts: new ScriptRunner(client, () => {}),
    keys: new Keys('p'),
    clock: systemClock,
    timings: clusterTimings,
    random: Math.random
  } as unknown as RedisDeps
  return { redis, client, history: new RedisHistory(deps, connectionsOf(client, Math.random, () => {})) }
}

t.test('history: the Lua script answers the table of recoverability cases as the pure function does', async (t) => {
  const { history } = await startHistory(t)
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

t.test('history: a read fetches hardly more entries than it returns, whatever their size', async (t) => {
  const { redis, client, history } = await startHistory(t)
  const fetched = async (channel: string, since?: Position) => {
    let asked = 0
    let report = () => {}
    const isReported = new Promise<void>((resolve) => { report = resolve })
    const end = await watchCommands(t, redis.port, ([command, , , , , count]) => {
      if (command?.toLowerCase() === 'xrevrange') asked += Number(count)
      if (command?.toLowerCase() === 'ping') report()
    })
    const { entries, reason } = await history.read(channel, since)
    // The script was reported once what follows it is.
    await client.ping()
    await isReported
    end()
    return { returned: entries.length, asked, reason }
  }
  for (const bytes of [100, 16_384, 65_536, 524_288]) {
    const channel = `of ${bytes}`
    const { position: start } = await history.read(channel)
    const encoded = Buffer.alloc(bytes, 'x')
    for (let i = 1; i <= 1_100 && i * bytes < 20_000_000; i++) {
      await history.append(channel, { id: `${i}`, encoded, whenSlow: undefined, limit: 2_000, ttl: 60_000 })
    }
    for (const since of [undefined, start]) {
      const { returned, asked, reason } = await fetched(channel, since)
      const expected = Math.min(1_000, Math.floor(historyBound.bytes / bytes))
      t.equal(returned, expected, `${expected} entries of ${bytes} bytes are within the bound`)
      t.equal(reason, since ? 'limit' : 'fresh')
      t.ok(asked <= returned + 1, `${asked} were fetched for ${returned}`)
    }
  }
})
