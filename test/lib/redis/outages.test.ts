import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { systemClock } from '../../../lib/clock.ts'
import { scaleTimings } from '../../../lib/cluster/timings.ts'
import { Keys } from '../../../lib/redis/keys.ts'
import { RedisAdapter } from '../../../lib/redis/redis-adapter.ts'
import { startRedis, type RedisServer } from '../../support/redis.ts'
import { silentLog } from '../../support/silent-log.ts'
import { Random } from '../../support/random.ts'
import { until } from '../../support/until.ts'

const users = ['ann', 'bob', 'cy']
const keys = new Keys('fastify-channels')

async function startAdapter (t: Test, redis: RedisServer): Promise<RedisAdapter> {
  const client = new Redis(redis.url, { lazyConnect: true })
  const adapter = new RedisAdapter({ client, clock: systemClock, log: silentLog, timings: scaleTimings(0.05) })
  const ignore = { message: () => {}, presenceChanged: () => {}, entriesAppended: () => {}, gap: () => {} }
  adapter.start({ ...ignore, revoked: () => {}, requested: () => {} })
  t.teardown(() => adapter.close())
  await until(() => adapter.status.state === 'up')
  return adapter
}

/** How long Redis answers nothing, in milliseconds. */
const pauseMs = 100

const faults: ReadonlyArray<(redis: RedisServer) => Promise<unknown>> = [
  (redis) => redis.cli('CLIENT', 'KILL', 'TYPE', 'normal'),
  (redis) => redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub'),
  (redis) => redis.cli('SCRIPT', 'FLUSH'),
  (redis) => redis.cli('FLUSHALL'),
  async (redis) => {
    redis.pause()
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
    redis.resume()
  }
]

interface Held { readonly node: RedisAdapter, readonly id: string, readonly user: string, readonly kind: boolean }

/** A connection that counts, or a user that is present. */
function acquire ({ node, id, user, kind }: Held): Promise<unknown> {
  return kind
    ? node.quota.acquire(user, id, 1_000)
    : node.presence.enter(user, { connection: id, user: id, data: {} })
}

function release ({ node, id, user, kind }: Held): Promise<unknown> {
  return kind ? node.quota.release(user, id) : node.presence.exit(user, id)
}

/** What Redis holds: connections that count, and present users. */
async function heldIn (redis: RedisServer, node: RedisAdapter): Promise<[counted: number, present: number]> {
  const counts = await Promise.all(users.map((user) => redis.cli('HVALS', keys.ofUser(user, 'connections'))))
  const counted = (counts as string[][]).flat().reduce((sum, count) => sum + Number(count.split(' ')[1]), 0)
  const present = await Promise.all(users.map((user) => node.presence.count(user).catch(() => NaN)))
  return [counted, present.reduce((sum, count) => sum + count, 0)]
}

for (const seed of [1, 2, 3]) {
  t.test(`outages: Redis holds what the nodes hold, and nothing in the end (seed ${seed})`, async (t) => {
    const redis = await startRedis(t)
    const nodes = [await startAdapter(t, redis), await startAdapter(t, redis)] as const
    const random = new Random(seed)
    const held: Held[] = []
    const equals = async (quotas: number, present: number) => {
      const [counted, users] = await heldIn(redis, nodes[0])
      return counted === quotas && users === present
    }
    for (let step = 0; step < 400; step++) {
      if (random.chance(2)) await random.pick(faults)(redis)
      if (random.chance(20)) await new Promise(setImmediate)
      if (random.chance(50)) {
        const node = random.pick(nodes)
        const one = { node, id: `${step}`, user: users[step % 3] as string, kind: random.chance(50) }
        held.push(one)
        acquire(one).catch(() => {})
      } else if (held.length > 0) {
        const [one] = held.splice(random.below(held.length), 1) as [Held]
        release(one).catch(() => {})
      }
    }
    await until(() => nodes.every(({ status }) => status.state === 'up'))
    const quotas = held.filter(({ kind }) => kind).length
    await until(() => equals(quotas, held.length - quotas))
    for (const one of held) release(one).catch(() => {})
    await until(() => equals(0, 0))
    t.strictSame(nodes.map(({ quota }) => quota.size), [0, 0], 'the nodes hold nothing')
  })
}
