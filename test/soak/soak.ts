import { parseArgs } from 'node:util'
import { freePort } from '../support/free-port.ts'
import { RedisServer } from '../support/redis.ts'
import { SoakNode } from '../support/soak/soak-node.ts'
import type { Vitals } from '../support/soak/soak-server.ts'
import { Visitors } from '../support/soak/visitors.ts'

// `npm run soak -- --minutes 30`: two nodes, Redis, visitors that come and go, and faults. At the end everything that
// was acquired must have been released: memory, file descriptors, timers and keys in Redis are back at the baseline.

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    visitors: { type: 'string', default: '100' },
    warmup: { type: 'string', default: '60' }
  }
})
const print = (text: string) => process.stdout.write(`${text}\n`)
const seconds = (count: number) => new Promise((resolve) => setTimeout(resolve, count * 1_000))
const MB = (bytes: number) => `${(bytes / 1_048_576).toFixed(1)} MB`

const redis = new RedisServer(await freePort())
await redis.start()
const nodes = await Promise.all([SoakNode.start(redis.url), SoakNode.start(redis.url)])
const visitors = new Visitors(nodes.map(({ url }) => url))

/** One after the other, with quiet between them. */
const faults: ReadonlyArray<readonly [name: string, fault: () => Promise<unknown>]> = [
  ['connections of the nodes to Redis killed', () => redis.cli('CLIENT', 'KILL', 'TYPE', 'normal')],
  ['subscriptions of the nodes killed', () => redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub')],
  ['Redis stands still for 3 s', async () => { redis.pause(); await seconds(3); redis.resume() }],
  ['a node stands still for 2 s', async () => {
    nodes[0]?.signal('SIGSTOP')
    await seconds(2)
    nodes[0]?.signal('SIGCONT')
  }],
  ['Redis starts again, empty', () => redis.restart()],
  ['a node stands still for longer than its lease', async () => {
    nodes[1]?.signal('SIGSTOP')
    await seconds(12)
    nodes[1]?.signal('SIGCONT')
  }]
]

/** Load and faults for so long. Returns the number of faults. */
async function load (duration: number): Promise<number> {
  const end = Date.now() + duration * 1_000
  let done = 0
  visitors.start(Number(values.visitors))
  for (; Date.now() < end; done++) {
    await seconds(Math.min(8, Math.max(0, end - Date.now()) / 1_000))
    if (Date.now() < end) await (faults[done % faults.length] as (typeof faults)[number])[1]()
  }
  await visitors.finish()
  return done
}

/** Waits until the nodes have nothing of their visitors left, then measures them. */
async function settle (): Promise<Vitals[]> {
  for (let i = 0; ; i++) {
    const all = await Promise.all(nodes.map((node) => node.vitals()))
    const isQuiet = all.every(({ connections, rooms, webSockets, state }) =>
      connections + rooms + webSockets === 0 && state === 'up')
    if (isQuiet || i >= 60) {
      // Grace periods of presence, and timers that are cancelled late.
      await seconds(15)
      return await Promise.all(nodes.map((node) => node.vitals()))
    }
    await seconds(1)
  }
}

/** The keys of Redis, their counts by kind: ids and names become `*`. */
async function keys (): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  const all = await redis.cli('KEYS', '*') as string[]
  for (const kind of all.map((key) => key.replaceAll(/[\w-]{16,}|\d+/g, '*')).sort()) {
    counts[kind] = (counts[kind] ?? 0) + 1
  }
  return counts
}

await seconds(2)
const keysBefore = await keys()
print(`keys at the start: ${JSON.stringify(keysBefore)}`)
await load(Number(values.warmup))
const before = await settle()
before.forEach((vitals, i) => print(`node ${i} after the warm-up: ${JSON.stringify(vitals)}`))

let total = 0
for (let minute = 1; minute <= Number(values.minutes); minute++) {
  total += await load(60)
  const heaps = (await Promise.all(nodes.map((node) => node.vitals()))).map(({ heapUsed }) => MB(heapUsed))
  print(`minute ${minute}: ${total} faults, heaps ${heaps.join(' and ')}, ${JSON.stringify(visitors.counts)}`)
}
const after = await settle()
after.forEach((vitals, i) => print(`node ${i} at the end: ${JSON.stringify(vitals)}`))

/** The ids of idempotent messages stay for up to twice the two minutes that the server remembers them. */
const deadline = Date.now() + 300_000
let keysAfter = await keys()
while (JSON.stringify(Object.keys(keysAfter).sort()) !== JSON.stringify(Object.keys(keysBefore).sort()) &&
  Date.now() < deadline) {
  await seconds(5)
  keysAfter = await keys()
}
print(`keys at the end: ${JSON.stringify(keysAfter)}`)

const findings: string[] = []
const expectSame = (what: string, was: unknown, is: unknown) => {
  if (was !== is) findings.push(`${what}: ${String(was)} before, ${String(is)} after`)
}
const allowedGrowth = 2 * 1_048_576
after.forEach((vitals, i) => {
  const was = before[i] as Vitals
  for (const name of ['connections', 'rooms', 'heartbeat', 'webSockets'] as const) expectSame(name, 0, vitals[name])
  for (const name of ['descriptors', 'timers', 'state'] as const) expectSame(name, was[name], vitals[name])
  print(`node ${i}: heap ${MB(was.heapUsed)} before, ${MB(vitals.heapUsed)} after`)
  if (vitals.heapUsed > was.heapUsed + allowedGrowth) findings.push(`node ${i}: the heap grew`)
})
expectSame('keys', JSON.stringify(keysBefore), JSON.stringify(keysAfter))
await Promise.all(nodes.map((node) => node.close()))
await redis.end()
print(findings.length === 0 ? 'everything is back at the baseline' : findings.join('\n'))
process.exit(findings.length === 0 ? 0 : 1)
