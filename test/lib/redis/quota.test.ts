import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { systemClock } from '../../../lib/clock.ts'
import { scaleTimings } from '../../../lib/cluster/timings.ts'
import { Lease } from '../../../lib/redis/cluster/lease.ts'
import { RedisQuota } from '../../../lib/redis/cluster/redis-quota.ts'
import { Keys } from '../../../lib/redis/keys.ts'
import { RedisAdapter } from '../../../lib/redis/redis-adapter.ts'
import type { RedisDeps } from '../../../lib/redis/redis-deps.ts'
import type { Script } from '../../../lib/redis/script-runner.ts'
import { FakeClock } from '../../../lib/testing/fake-clock.ts'
import { startRedis, type RedisServer } from '../../support/redis.ts'
import { silentLog } from '../../support/silent-log.ts'
import { until } from '../../support/until.ts'

/** Renewals every 250 ms. */
const timings = scaleTimings(0.05)

const ignore = { message: () => {}, presenceChanged: () => {}, entriesAppended: () => {}, gap: () => {} }

async function startAdapter (t: Test, redis: RedisServer): Promise<RedisAdapter> {
  const client = new Redis(redis.url, { lazyConnect: true })
  const adapter = new RedisAdapter({ client, clock: systemClock, log: silentLog, timings })
  adapter.start({ ...ignore, revoked: () => {}, requested: () => {} })
  t.teardown(() => adapter.close())
  await until(() => adapter.status.state === 'up')
  return adapter
}

const isGranted = async (adapter: RedisAdapter, connection: string, limit: number) => {
  return (await adapter.quota.acquire('ann', connection, limit)).granted
}

/** What Redis holds of ann's quota, over all incarnations. */
async function counted (redis: RedisServer): Promise<number> {
  const counts = await redis.cli('HVALS', new Keys('fastify-channels').ofUser('ann', 'connections')) as string[]
  return counts.reduce((sum, count) => sum + Number(count.split(' ')[1]), 0)
}

/** Both nodes know each other, and ann has three connections on the first. */
async function startNodes (t: Test): Promise<{ redis: RedisServer, a: RedisAdapter, b: RedisAdapter }> {
  const redis = await startRedis(t)
  const [a, b] = [await startAdapter(t, redis), await startAdapter(t, redis)]
  await until(() => a.liveNodes === 2 && b.liveNodes === 2)
  for (const connection of ['1', '2', '3']) t.ok(await isGranted(a, connection, 3), 'a connection within the quota')
  return { redis, a, b }
}

const release = (adapter: RedisAdapter, ...connections: string[]) => {
  return Promise.all(connections.map((one) => adapter.quota.release('ann', one).then(() => true, () => false)))
}

t.test('quota: of attempts at once, as many are granted as there are connections left', async (t) => {
  const { redis, a, b } = await startNodes(t)
  const granted = await Promise.all(['4', '5', '6'].map((connection) => isGranted(b, connection, 5)))
  t.strictSame(granted, [true, true, false], 'two were left')
  await until(async () => await counted(redis) === 5)
  await release(a, '1')
  t.strictSame(await Promise.all(['7', '8'].map((connection) => isGranted(a, connection, 5))), [true, false])
  await release(b, '4', '5')
  await release(a, '2', '3', '7')
  await until(async () => await counted(redis) === 0)
})

t.test('quota: connections that close while Redis hangs no longer count after the outage', async (t) => {
  const { redis, a, b } = await startNodes(t)
  redis.pause()
  t.strictSame(await release(a, '1', '2', '3'), [false, false, false], 'no release is confirmed')
  redis.resume()
  await until(async () => await counted(redis) === 0)
  // Its connection may be replaced, because nothing came over it for 2 s.
  await until(() => isGranted(b, '4', 1).catch(() => false))
  t.pass('the whole quota is free')
})

t.test('quota: connections that close while Redis is cut off no longer count after the outage', async (t) => {
  const { redis, a, b } = await startNodes(t)
  await redis.cli('CLIENT', 'KILL', 'TYPE', 'normal')
  await until(() => a.status.state === 'degraded')
  t.strictSame(await release(a, '1', '2', '3'), [false, false, false], 'no release reaches Redis')
  await until(async () => await counted(redis) === 0)
  await until(() => b.status.state === 'up')
  t.ok(await isGranted(b, '4', 1), 'the whole quota is free')
})

t.test('quota: a connection that was let in while Redis was away counts after the outage', async (t) => {
  const { redis, a, b } = await startNodes(t)
  await redis.cli('CLIENT', 'KILL', 'TYPE', 'normal')
  await until(() => a.status.state === 'degraded')
  await t.rejects(a.quota.acquire('ann', '4', 9), 'the outcome is unknown')
  await until(async () => await counted(redis) === 4)
  await until(() => b.status.state === 'up')
  t.notOk(await isGranted(b, '5', 4), 'it counts on the other node')
  t.ok(await isGranted(a, '4', 4), 'a repeated call for it is granted')
  await a.quota.release('ann', '4')
  t.ok(await isGranted(b, '5', 4), 'it is released like any other')
})

type Statement = readonly [version: number, count: number, limit: number]

/** The quota of a node over a Redis that answers what the test says; 1 by default. */
async function scripted () {
  const statements: Statement[] = []
  const answers: unknown[] = []
  const redis = { isAway: false }
  const clock = new FakeClock(1)
  const warnings: string[] = []
  const scripts = {
    run: async ({ name }: Script, _keys: unknown, [, ...rest]: unknown[]) => {
      if (name === 'renew') return ['5', '', '1000', '0', '5', 'node']
      statements.push(rest.slice(0, 3) as unknown as Statement)
      const answer = answers.shift() ?? 1
      if (answer === 'away' || redis.isAway) throw new Error('away')
      return answer
    }
  }
  const reportFailure = (_: unknown, text: string) => warnings.push(text)
  const shared = { clock, timings, random: () => 0.5, reportFailure }
  const deps = { ...shared, nodeId: 'node', scripts, keys: new Keys('p') } as unknown
  const lease = new Lease(deps as RedisDeps)
  const quota = new RedisQuota(deps as RedisDeps, lease)
  await lease.renew()
  return { redis, statements, answers, clock, warnings, quota, counts: () => statements.map(([, count]) => count) }
}

const turn = () => new Promise(setImmediate)

t.test('quota: a statement that a newer one has overtaken is sent again', async (t) => {
  const { quota, answers, statements } = await scripted()
  answers.push(-1, 1)
  t.match(await quota.acquire('ann', '1', 3), { granted: true })
  t.strictSame(statements, [[1, 1, 3], [2, 1, 3]], 'the repeated statement has a newer version')
})

t.test('quota: a refused connection is taken out of the statements that were sent meanwhile', async (t) => {
  const { quota, answers, statements, counts } = await scripted()
  answers.push(1, 0, 1, 0, 'away')
  await quota.acquire('ann', '1', 2)
  const refused = quota.acquire('ann', '2', 1)
  await quota.release('ann', '1')
  t.match(await refused, { granted: false })
  t.strictSame(counts(), [1, 1, 1, 1, 0], 'the last statement counts no connection')
  t.strictSame(statements.map(([version]) => version), [1, 2, 3, 4, 5], 'each statement has a newer version')
  t.equal(quota.size, 1, 'a statement that failed is not forgotten')
})

t.test('quota: a failed statement is repeated with each renewal, and then nothing is left', async (t) => {
  const { quota, answers, counts, clock, warnings } = await scripted()
  await quota.acquire('ann', '1', 1)
  answers.push('away', 'away', 1)
  await t.rejects(quota.release('ann', '1'), { message: 'away' })
  for (let i = 0; i < 3; i++) {
    clock.advance(timings.leaseRenewalMs)
    await turn()
  }
  t.strictSame(counts(), [1, 0, 0, 0], 'nothing is stated after Redis has confirmed it')
  t.equal(quota.size, 0, 'the user is forgotten')
  t.match(warnings, [/miscounted until the next renewal/], 'the failure in the background is logged')
})

t.test('quota: an unchanged number is stated again before it expires', async (t) => {
  const { quota, counts, clock } = await scripted()
  await quota.acquire('ann', '1', 1)
  for (let ms = 0; ms <= timings.quotaTtlMs; ms += timings.leaseRenewalMs) {
    clock.advance(timings.leaseRenewalMs)
    await turn()
  }
  t.ok(counts().length >= 4 && counts().length <= 6, `${counts().length} statements in the life of a number`)
})

t.test('quota: at most 20,000 users without a connection wait for Redis', async (t) => {
  const { quota, redis } = await scripted()
  const users = Array.from({ length: 20_010 }, (_, i) => `user ${i}`)
  for (const user of users) await quota.acquire(user, '1', 1)
  redis.isAway = true
  for (const user of users) await quota.release(user, '1').catch(() => {})
  t.equal(quota.size, 20_000)
})
