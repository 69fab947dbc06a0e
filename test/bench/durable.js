import { once } from 'node:events'
import { Redis } from 'ioredis'
import { systemClock } from '../../dist/lib/clock.js'
import { RedisAdapter } from '../../dist/lib/redis/redis-adapter.js'
import { startRedis } from './cluster.js'
import { median } from './measure.js'

const seconds = 2
const encoded = Buffer.from(JSON.stringify({ type: 'said', payload: 'x'.repeat(90) }))
const append = { encoded, limit: 500, ttl: 60_000 }
const durability = { replicas: undefined, timeoutMs: 1_000 }

/** Appends of one node to ten channels, as fast as it can with so many in flight, on a Redis with one replica. */
export const durable = {
  title: 'appends to a history, on a Redis with one replica, all on this machine',
  heads: ['in flight', 'appends/s', 'ratio', 'p50 ms', 'p99 ms'],

  async * run (rounds) {
    const master = await startRedis()
    const replica = await startRedis(['--replicaof', '127.0.0.1', `${master.port}`])
    const log = { info () {}, warn () {}, error () {}, debug () {}, child () { return log } }
    const client = new Redis(master.url, { lazyConnect: true })
    const adapter = new RedisAdapter({ client, clock: systemClock, log })
    const ignore = () => {}
    adapter.start({
      message: ignore, presenceChanged: ignore, entriesAppended: ignore, gap: ignore, revoked: ignore, requested: ignore
    })
    const { history } = adapter
    const isReady = async () => adapter.status.state === 'up' && await isLinked(history)
    while (!await isReady()) await new Promise((resolve) => setTimeout(resolve, 50))
    for (const inFlight of [1, 16, 256]) {
      const results = { false: [], true: [] }
      for (let round = 0; round < rounds; round++) {
        for (const isDurable of [false, true]) results[isDurable].push(await appendAll(history, inFlight, isDurable))
      }
      for (const isDurable of [false, true]) {
        const of = (key) => median(results[isDurable].map((result) => result[key]))
        const ratio = median(results[isDurable].map(({ rate }, round) => rate / results.false[round].rate))
        yield [
          (isDurable ? "durable: 'replica'" : 'without').padEnd(46), inFlight, Math.round(of('rate')), ratio.toFixed(2),
          of('p50').toFixed(2), of('p99').toFixed(2)
        ]
      }
    }
    await adapter.close()
    for (const { child } of [replica, master]) {
      child.kill()
      await once(child, 'exit')
    }
  }
}

/** The first copy takes a while. */
async function isLinked (history) {
  const { position: { hash } } = await history.append('linked', { ...append, id: 'linked' })
  return history.confirm('linked', [{ id: 'linked', hash }], durability).catch(() => false)
}

let ids = 0

async function appendAll (history, inFlight, isDurable) {
  const end = performance.now() + seconds * 1_000
  const times = []
  await Promise.all(Array.from({ length: inFlight }, async (_, i) => {
    for (let now = performance.now(); now < end; now = performance.now()) {
      const channel = `channel ${i % 10}`
      const id = `${++ids}`
      const { position: { hash } } = await history.append(channel, { ...append, id })
      if (isDurable) await history.confirm(channel, [{ id, hash }], durability)
      times.push(performance.now() - now)
    }
  }))
  times.sort((a, b) => a - b)
  const at = (share) => times[Math.floor(times.length * share)]
  return { rate: times.length / seconds, p50: at(0.5), p99: at(0.99) }
}
