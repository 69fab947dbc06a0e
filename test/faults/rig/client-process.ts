import type { LogEvent } from '../checker/log.ts'
import type { CrowdOrder, CrowdReport, CrowdSettings } from './crowd.ts'
import type { RigUser } from './rig-user.ts'

// The clients of the rig, in a process of their own. What they see goes to the rig every 100 ms.

const clients = new Map<string, RigUser>()
let events: LogEvent[] = []
const report = (what: CrowdReport) => { process.send?.(what) }

function flush (): void {
  if (events.length > 0) report(events)
  events = []
}

async function obey (order: CrowdOrder): Promise<void> {
  if (order.order === 'begin') return begin(order.settings)
  const named = 'names' in order ? order.names.flatMap((name) => clients.get(name) ?? []) : [...clients.values()]
  if (order.order === 'quiet') {
    for (const client of named) client.quiet()
    // The rig has everything before it learns that the clients are quiet.
    flush()
    report('quiet')
  } else if (order.order === 'return') {
    await Promise.all(named.map((client) => client.return()))
    flush()
    report('joined')
  } else if (order.order === 'send') for (const client of named) client.send(order.only)
  else if (order.order === 'pad') for (const client of named) client.pad(order.channel, order.bytes)
  else for (const client of named) client[order.order]()
}

async function begin ({ system, url, clients: all, seed, rate }: CrowdSettings): Promise<void> {
  const User = system === 'socket.io'
    ? (await import('../peers/socket-io-client.js')).SocketIoUser
    : (await import('./rig-client.js')).RigClient
  await Promise.all(all.map(async (settings, i) => {
    const client = new User(url, settings, seed * 1_000 + i, rate, (event) => events.push(event))
    clients.set(settings.name, client)
    await client.join()
  }))
  flush()
  report('joined')
}

setInterval(flush, 100)
process.on('message', (order: CrowdOrder) => { obey(order).catch((error) => { throw error }) })
process.on('disconnect', () => process.exit())
