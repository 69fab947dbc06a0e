import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Random } from '../support/random.ts'
import type { LogEvent } from './checker/log.ts'
import { spreadOf } from './checker/times.ts'
import type { System } from './rig/crowd.ts'
import { Rig } from './rig/rig.ts'

// `npm run test:jitter -- --clients 2000 --seconds 60`: one channel in which one client sends two messages a second,
// while each other client loses its connection about every 15 s and cannot connect for 2 s. Prints the share of the
// messages that arrived, and how long the replay takes: from the open connection to the last missed message.
// `--shape storm`: all lose their connections at once and can connect again after 2 to 7 s, three times.

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '60' },
    shape: { type: 'string', default: 'jitter' },
    system: { type: 'string', default: 'fastify-channels' }
  }
})
const clients = Number(values.clients)
const [cutEveryMs, cutForMs] = [15_000, 2_000]
const [stormEveryMs, stormSpreadMs] = [20_000, 5_000]
const publisher = 'c0'

/** What one client got. */
class Reader {
  /** When each message arrived first. */
  readonly received = new Map<string, number>()
  doubled = 0
  /** When its connections opened. */
  readonly openings: number[] = []

  take (event: LogEvent): void {
    // `open` follows `recovering` on the same connection; Socket.IO has no such state.
    const opened = values.system === 'socket.io' ? 'open' : 'recovering'
    if (event.what === 'state' && event.state === opened) this.openings.push(event.at)
    if (event.what !== 'received') return
    if (this.received.has(event.id)) this.doubled++
    else this.received.set(event.id, event.at)
  }

  /** For each connection after which missed messages came: how long after it the last of them came. */
  replays (sentAt: ReadonlyMap<string, number>): number[] {
    const lastMissed = new Map<number, number>()
    for (const [id, at] of this.received) {
      const opened = this.openings.findLast((opening) => opening <= at)
      if (opened === undefined || (sentAt.get(id) ?? Infinity) >= opened) continue
      lastMissed.set(opened, Math.max(at, lastMissed.get(opened) ?? 0))
    }
    return [...lastMissed].map(([opened, at]) => at - opened)
  }
}

const rig = await Rig.start({ clients, channels: 1, rate: 2 * clients, processes: 2 }, 1, {
  system: values.system as System, pattern: 'wide'
})
const random = new Random(1)
const began = performance.now()
const end = began + Number(values.seconds) * 1_000

async function cutAgainAndAgain (name: string): Promise<void> {
  await wait(random.next() * cutEveryMs)
  while (performance.now() < end) {
    rig.front.refused.add(name)
    rig.front.cut(({ user }) => user === name)
    await wait(cutForMs)
    rig.front.refused.delete(name)
    await wait(cutEveryMs * (0.8 + 0.4 * random.next()))
  }
}

/** All are cut at once. Each can connect again at a time of its own. */
async function storm (name: string): Promise<void> {
  for (let i = 1; i <= 3; i++) {
    await wait(stormEveryMs - (performance.now() - began) % stormEveryMs)
    rig.front.refused.add(name)
    rig.front.cut(({ user }) => user === name)
    await wait(cutForMs + stormSpreadMs * random.next())
    rig.front.refused.delete(name)
  }
}

const readers = new Map(rig.clients.filter(({ name }) => name !== publisher).map(({ name }) => [name, new Reader()]))
const sentAt = new Map<string, number>()
function read (): void {
  const events = rig.takeEvents()
  for (const event of events) if (event.what === 'sent') sentAt.set(event.id, event.at)
  for (const event of events) readers.get(event.client)?.take(event)
}

rig.order({ order: 'send', names: [publisher], only: 'write' })
const reading = setInterval(read, 500)
await Promise.all([...readers.keys()].map(values.shape === 'storm' ? storm : cutAgainAndAgain))
await rig.quiet()
clearInterval(reading)

const all = [...readers.values()]
const arrived = () => all.reduce((sum, { received }) => sum + received.size, 0)
// A client that was refused again and again waits for up to 20 s.
for (let waited = 0; waited < 40_000; waited += 500) {
  await wait(500)
  read()
  if (sentAt.size > 0 && arrived() === sentAt.size * all.length) break
}
const total = sentAt.size * all.length
const got = arrived()
process.stdout.write(`${JSON.stringify({
  system: values.system,
  shape: values.shape,
  clients,
  messages: sentAt.size,
  connections: all.reduce((sum, { openings }) => sum + openings.length, 0),
  share: `${(100 * got / total).toFixed(3)} %`,
  missed: total - got,
  doubled: all.reduce((sum, { doubled }) => sum + doubled, 0),
  replay: spreadOf(all.flatMap((reader) => reader.replays(sentAt)))
})}\n`)
await rig.end()
process.exit()
