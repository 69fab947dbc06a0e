import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { systemClock, type Clock } from '../../../lib/clock.ts'
import { scaleTimings } from '../../../lib/cluster/timings.ts'
import { ChangeBatches, type Change } from '../../../lib/redis/presence/change-batches.ts'
import { RedisAdapter } from '../../../lib/redis/redis-adapter.ts'
import { Network } from '../../support/network.ts'
import { startRedis } from '../../support/redis.ts'
import { silentLog } from '../../support/silent-log.ts'
import { until } from '../../support/until.ts'

/** A lease of 750 ms; graces of 1 s, 10 s and 30 s are scaled down in the same way. */
const factor = 0.05
const timings = scaleTimings(factor)
const graces = [1_000, 10_000, 30_000].map((ms) => [ms, ms * factor] as const)

/** A clock whose timers no longer fire once the node is killed. */
class MortalClock implements Clock {
  isKilled = false
  now = systemClock.now
  clearTimeout = systemClock.clearTimeout
  setTimeout = (fn: () => void, ms: number) => systemClock.setTimeout(() => { if (!this.isKilled) fn() }, ms)
}

class TestNode {
  readonly adapter: RedisAdapter
  readonly left: string[] = []
  readonly #clock = new MortalClock()
  readonly #client: Redis

  constructor (redis: { readonly port: number }, scale: number) {
    const timings = scaleTimings(scale)
    this.#client = new Redis(redis.port, '127.0.0.1', { lazyConnect: true })
    this.adapter = new RedisAdapter({ client: this.#client, clock: this.#clock, log: silentLog, timings })
    this.adapter.start({
      message: () => {},
      presenceChanged: (_channel, _version, { left = [] }) => this.left.push(...left),
      entriesAppended: () => {},
      gap: () => {},
      revoked: () => {},
      requested: () => {}
    })
  }

  /** As kill -9 does: the node renews nothing and ends no grace period. */
  kill (): void {
    this.#clock.isKilled = true
  }

  static async start (t: Test, redis: { readonly port: number }, scale = factor): Promise<TestNode> {
    const node = new TestNode(redis, scale)
    t.teardown(() => node.adapter.close())
    await until(() => node.adapter.status.state === 'up')
    await node.adapter.pubsub.subscribe('x')
    return node
  }
}

const isPresent = async ({ adapter }: TestNode, user: string) => {
  return (await adapter.presence.list('x')).entries.some((entry) => entry.user === user)
}

/** Ann's connection is lost on a node that then ends; resolves to the node that watches. */
async function loseConnection (t: Test, graceMs: number, end: (node: TestNode) => Promise<void>): Promise<TestNode> {
  const redis = await startRedis(t)
  const [ending, watching] = [await TestNode.start(t, redis), await TestNode.start(t, redis)]
  await until(() => [ending, watching].every(({ adapter }) => adapter.liveNodes === 2))
  await ending.adapter.presence.enter('x', { connection: '1', user: 'ann', data: {} })
  await ending.adapter.presence.exit('x', '1', graceMs)
  const lostAt = performance.now()
  await end(ending)
  await until(() => watching.left.length > 0)
  const ms = performance.now() - lostAt
  t.ok(ms >= graceMs - 10, `left after ${Math.round(ms)} ms, not before the grace period of ${graceMs} ms`)
  t.notOk(await isPresent(watching, 'ann'), 'no ghost stays')
  return watching
}

for (const [ms, graceMs] of graces) {
  t.test(`presence: a grace period of ${ms} ms ends once, though its node closes`, async (t) => {
    const watching = await loseConnection(t, graceMs, ({ adapter }) => adapter.close())
    await watching.adapter.presence.enter('x', { connection: '2', user: 'bob', data: {} })
    await watching.adapter.presence.exit('x', '2')
    await until(() => watching.left.includes('bob'))
    t.strictSame(watching.left, ['ann', 'bob'], 'exactly one leave is announced')
  })

  t.test(`presence: a grace period of ${ms} ms ends once, though its node is killed`, async (t) => {
    const watching = await loseConnection(t, graceMs, async (node) => node.kill())
    await until(() => watching.adapter.liveNodes === 1)
    t.strictSame(watching.left, ['ann'], 'exactly one leave is announced')
  })
}

t.test('presence: the grace periods of the last node that closes end on the next one that starts', async (t) => {
  const redis = await startRedis(t)
  const last = await TestNode.start(t, redis)
  for (const [user, graceMs] of [['ann', 400], ['bob', 1_000]] as const) {
    await last.adapter.presence.enter('x', { connection: user, user, data: {} })
    await last.adapter.presence.exit('x', user, graceMs)
  }
  await last.adapter.close()
  const next = await TestNode.start(t, redis)
  await until(async () => await next.adapter.presence.count('x') === 0)
  t.notOk(await isPresent(next, 'ann'))
})

t.test('presence: keys outlive a grace period that is longer than their time to live', async (t) => {
  const redis = await startRedis(t)
  const node = await TestNode.start(t, redis)
  await node.adapter.presence.enter('x', { connection: '1', user: 'ann', data: {} })
  await node.adapter.presence.exit('x', '1', 10 * timings.presenceTtlMs)
  const names = await redis.cli('KEYS', '*}:graces') as string[]
  const [ttl] = await Promise.all(names.map((name) => redis.cli('PTTL', name))) as [number]
  t.ok(ttl > 10 * timings.presenceTtlMs, `${ttl} ms`)
})

/** Ann's connection is lost while her node is cut off from Redis, for less than a lease. */
async function loseDuringOutage (t: Test, graceMs: number) {
  const redis = await startRedis(t)
  const network = await Network.open(t, redis.port)
  const [cutOff, other] = [await TestNode.start(t, network, 1), await TestNode.start(t, redis, 1)]
  await cutOff.adapter.presence.enter('x', { connection: '1', user: 'ann', data: {} })
  await cutOff.adapter.presence.enter('x', { connection: '2', user: 'bob', data: {} })
  network.block()
  await until(() => cutOff.adapter.status.state === 'degraded')
  await t.rejects(cutOff.adapter.presence.exit('x', '1', graceMs))
  await t.rejects(cutOff.adapter.presence.exit('x', '2'))
  network.unblock()
  await until(() => other.left.includes('bob'))
  return other
}

t.test('presence: a connection lost during an outage of Redis keeps its grace period after the repair', async (t) => {
  const other = await loseDuringOutage(t, 1_000)
  t.strictSame(other.left, ['bob'], 'the exit without a grace period is repaired, that with one is not over')
  t.ok(await isPresent(other, 'ann'))
  await until(() => other.left.includes('ann'))
  t.strictSame(other.left, ['bob', 'ann'], 'no ghost stays')
})

t.test('presence: a user whose connection was lost during an outage returns unnoticed on another node', async (t) => {
  const other = await loseDuringOutage(t, 500)
  await other.adapter.presence.enter('x', { connection: '3', user: 'ann', data: {} })
  await other.adapter.presence.enter('x', { connection: '4', user: 'cy', data: {} })
  await other.adapter.presence.exit('x', '4', 600)
  await until(() => other.left.includes('cy'))
  t.strictSame(other.left, ['bob', 'cy'], 'a later grace period is over, and ann did not leave')
})

t.test('presence: grace periods are kept until Redis has them, for at most 20,000 exits', async (t) => {
  let isUp = false
  const written: Array<readonly Change[]> = []
  const batches = new ChangeBatches(async (_channel, changes) => {
    if (isUp) written.push(changes)
    return isUp
  })
  const exit = (connection: string, graceMs: number): Change => ['-', 1, connection, graceMs, '']
  batches.add('x', exit('a', 5))
  t.strictSame([...batches.unconfirmedExits('x')], [['a', 5]], 'also while it is on its way')
  t.strictSame(batches.failedChannels, [])
  batches.add('x', exit('b', 0))
  await batches.settle()
  t.strictSame([...batches.unconfirmedExits('x')], [['a', 5]])
  t.strictSame(batches.failedChannels, ['x'])
  isUp = true
  t.ok(await batches.repair('x', [exit('a', 5), exit('b', 0)]))
  t.equal(written.length, 1)
  t.strictSame([batches.unconfirmedExits('x').size, batches.failedChannels.length], [0, 0])
  isUp = false
  for (let i = 0; i <= 20_000; i++) batches.add(`y${i}`, exit(`c${i}`, 5))
  await batches.settle()
  t.equal(batches.unconfirmedExits('y0').size, 0, 'the oldest')
  t.equal(batches.unconfirmedExits('y1').size, 1)
  t.equal(batches.failedChannels.length, 20_000)
})
