import { parseArgs } from 'node:util'
import { brokenIn } from './checker/checker.ts'
import { goneFrom } from './checker/deliveries.ts'
import { eventsOf, type RunLog } from './checker/log.ts'
import { faultsNamed } from './kinds/all.ts'
import { Rig } from './rig/rig.ts'

// `npm run test:drain`: a rolling restart of three nodes by drain under load. It ends with 0 only if no persistent
// message is missed or doubled, no ephemeral one is doubled, less than 1 in 10,000 of those is missed, no member gets a
// change of presence, and 99 % of the clients are never without a connection for more than 50 ms.

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '600' },
    rate: { type: 'string', default: '200' },
    channels: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' }
  }
})

/** How long each client that stayed was without a connection at most, in milliseconds, the longest last. */
function gapsOf (log: RunLog, names: readonly string[]): number[] {
  const longest = new Map(names.map((name) => [name, 0]))
  const since = new Map<string, number>()
  for (const { client, state, at } of eventsOf(log, 'state')) {
    if (state === 'connecting') since.set(client, since.get(client) ?? at)
    if (state !== 'open' && state !== 'recovering') continue
    const gap = at - (since.get(client) ?? at)
    since.delete(client)
    longest.set(client, Math.max(longest.get(client) ?? 0, gap))
  }
  for (const client of since.keys()) longest.set(client, Infinity)
  return names.map((name) => longest.get(name) as number).sort((a, b) => a - b)
}

/** How often a presence list changed by other users than those who left, since the restart began. */
function presenceChanges (log: RunLog, gone: ReadonlySet<string>): number {
  const lists = new Map<string, string>()
  let changes = 0
  for (const { at, client, channel, users } of eventsOf(log, 'presence')) {
    if (gone.has(client)) continue
    const list = users.filter((user) => !gone.has(user)).sort().join()
    const before = lists.get(`${client} ${channel}`) ?? list
    if (before !== list && at >= log.began) changes++
    lists.set(`${client} ${channel}`, list)
  }
  return changes
}

const [clients = 0, rate = 0, channels = 0, seed = 0] =
  [values.clients, values.rate, values.channels, values.seed].map(Number)
const rig = await Rig.start({ clients, channels, rate, processes: 3 }, seed)
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => { rig.end().finally(() => process.exit(1)) })
}
try {
  const [fault] = faultsNamed(['rolling-drain'])
  if (!fault) throw new Error("there is no fault 'rolling-drain'")
  const { log, verdict } = await rig.run(fault, seed)
  const gone = goneFrom(log)
  const stayed = rig.clients.map(({ name }) => name).filter((name) => !gone.has(name))
  const gaps = gapsOf(log, stayed)
  const { acked, delivered, lost, doubled, reordered, ephemeral, ack } = verdict
  const result = {
    acked,
    delivered,
    lost: lost.length,
    doubled: doubled.length,
    reordered: reordered.length,
    ephemeral,
    ack,
    gapMs: { p99: Math.round(gaps[Math.floor(gaps.length * 0.99)] as number), max: Math.round(gaps.at(-1) as number) },
    presenceChanges: presenceChanges(log, gone)
  }
  process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`)
  for (const text of brokenIn(verdict)) process.stdout.write(`${text}\n`)
  const isKept = brokenIn(verdict).length === 0 && result.gapMs.p99 <= 50 && result.presenceChanges === 0 &&
    ephemeral.missed * 10_000 < ephemeral.delivered
  process.exitCode = isKept ? 0 : 1
} finally {
  await rig.end()
}
process.exit()
