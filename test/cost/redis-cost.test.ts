import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import type { RedisAdapter } from '../../lib/redis/redis-adapter.ts'
import { createAdapters } from '../support/conformance/redis-adapters.ts'
import { noEvents } from '../support/conformance/adapter-history.ts'
import { startRedis } from '../support/redis.ts'

const sizes = [1_000, 10_000] as const
const repetitions = 20

/** What Redis did for one operation. */
interface Cost {
  /** Commands, those inside scripts included. */
  readonly commands: number
  readonly bytesIn: number
  readonly bytesOut: number
}

async function totalsOf (client: Redis): Promise<Cost> {
  const commands = (await client.info('commandstats')).matchAll(/:calls=(\d+)/g)
  const stats = await client.info('stats')
  const statOf = (name: string) => Number(new RegExp(`${name}:(\\d+)`).exec(stats)?.[1])
  return {
    commands: [...commands].reduce((sum, [, calls]) => sum + Number(calls), 0),
    bytesIn: statOf('total_net_input_bytes'),
    bytesOut: statOf('total_net_output_bytes')
  }
}

type Operation = (i: number) => Promise<unknown>

/** Prepares `n` of something in a channel, and returns the operation on it. */
type Prepare = (adapter: RedisAdapter, channel: string, n: number) => Promise<Operation>

const appendOf = (i: number, n: number) => {
  return { id: `${i}`, encoded: Buffer.from('{"type":"said"}'), whenSlow: undefined, limit: n, ttl: 60_000 }
}

async function fill (n: number, operation: Operation): Promise<void> {
  for (let i = 0; i < n; i += 500) await Promise.all(Array.from({ length: 500 }, (_, k) => operation(i + k)))
}

const operations: Readonly<Record<string, Prepare>> = {
  'append, and append at an invented position': async ({ history }, channel, n) => {
    const after = { epoch: 'invented', offset: 1, hash: 'invented' }
    await fill(n, (i) => history.append(channel, appendOf(i, n)))
    return async (i) => {
      await history.append(channel, appendOf(2 * n + 2 * i, n))
      await history.append(channel, { ...appendOf(2 * n + 2 * i + 1, n), after })
    }
  },
  'idempotency claim': async ({ idempotency }, channel, n) => {
    const handle = async (i: number) => {
      const claim = { id: `id ${i}`, contentHash: 'content', owner: `owner ${i}` }
      await idempotency.claim(channel, claim)
      await idempotency.finish(channel, claim, '{}', [])
    }
    await fill(n, handle)
    return (i) => handle(n + i)
  },
  'presence: enter and exit': async ({ presence }, channel, n) => {
    const enter = (i: number) => presence.enter(channel, { connection: `${i}`, user: `user ${i}`, data: {} })
    await fill(n, enter)
    return async (i) => {
      await enter(n + i)
      await presence.exit(channel, `${n + i}`)
    }
  }
}

/** A node on a Redis of its own, and a client of that Redis. */
async function startNode (t: Test): Promise<{ node: RedisAdapter, client: Redis }> {
  const redis = await startRedis(t)
  const client = new Redis(redis.url)
  const { adapters: [adapter], ready } = createAdapters(client, 1)
  const node = adapter as RedisAdapter
  node.start(noEvents)
  t.teardown(async () => {
    await node.close()
    client.disconnect()
  })
  await ready()
  return { node, client }
}

t.test('cost: appends of one turn share a script, up to 128 of them', async (t) => {
  const { node, client } = await startNode(t)
  const append = (i: number) => node.history.append('x', appendOf(i, 1_000))
  await append(0)
  const callsOf = async (name: string) => {
    const [, calls = 0] = new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(await client.info('commandstats')) ?? []
    return Number(calls)
  }
  const counts = () => Promise.all(['xadd', 'hmget'].map(callsOf))
  const before = await counts()
  await Promise.all(Array.from({ length: 200 }, (_, i) => append(i + 1)))
  const after = await counts()
  const grown = after.map((calls, i) => calls - (before[i] as number))
  t.strictSame(grown, [200, 2 * 3], 'two scripts with three HMGET each')
})

t.test('cost: Redis runs as many commands and moves as many bytes at 10,000 as at 1,000', async (t) => {
  const { node, client } = await startNode(t)
  for (const [name, prepare] of Object.entries(operations)) {
    const costs: Cost[] = []
    for (const n of sizes) {
      const operate = await prepare(node, `${name} ${n}`, n)
      const before = await totalsOf(client)
      for (let i = 0; i < repetitions; i++) await operate(i)
      const after = await totalsOf(client)
      const costOf = (key: keyof Cost) => (after[key] - before[key]) / repetitions
      costs.push({ commands: costOf('commands'), bytesIn: costOf('bytesIn'), bytesOut: costOf('bytesOut') })
    }
    const [few, many] = costs as [Cost, Cost]
    // The lease and the reading of the totals add a little to both.
    t.ok(many.commands < few.commands + 3, `${name}: ${few.commands} commands, then ${many.commands}`)
    t.ok(many.bytesIn < 1.2 * few.bytesIn + 100, `${name}: ${few.bytesIn} bytes to Redis, then ${many.bytesIn}`)
    t.ok(many.bytesOut < 1.2 * few.bytesOut + 300, `${name}: ${few.bytesOut} bytes from it, then ${many.bytesOut}`)
  }
})
