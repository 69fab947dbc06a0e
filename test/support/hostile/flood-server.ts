import type { EventEmitter } from 'node:events'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import fastify, { type FastifyRequest } from 'fastify'
import { Connection } from '../../../lib/connection/connection.ts'
import { InboundMessage } from '../../../lib/server/session/inbound-message.ts'
import { Session } from '../../../lib/server/session/session.ts'
import { Room } from '../../../lib/rooms/room.ts'
import { channels, type ChannelsOptions } from '../../../plugins/channels.ts'
import { implementLab, implementOwn, lab, LabJournal, own } from '../lab.ts'
import { fileDescriptors } from './flood-bystander.ts'
import { HeapCensus } from './heap-census.ts'
import { turnsUntil } from './target.ts'
import { CountingClock } from '../counting-clock.ts'

// The lab in a process of its own, so that its memory is the server's alone. `FloodProcess` starts it and asks it
// questions.

/** Counts what is logged, and keeps none of it: a log that grows would look like a leak. */
const logged: Record<string, number> = {}
const tally = {
  write: (text: string) => {
    const { msg, level } = JSON.parse(text) as { msg: string, level: number }
    logged[msg] = (logged[msg] ?? 0) + 1
    if (level >= 50) logged.errors = (logged.errors ?? 0) + 1
  }
}

const clock = new CountingClock()

const heap = new HeapCensus({ Connection, Session, InboundMessage, Room })
const journal = new LabJournal()
const app = fastify({ logger: { level: 'warn', stream: tally } })
await app.register(
  channels, { clock, presenceGrace: 0, identify, ...JSON.parse(process.argv[2] as string) as ChannelsOptions }
)
app.ws('/lab', {}, [implementLab(journal), implementOwn()])
await app.listen({ port: 0, host: '127.0.0.1' })

/** Whom a header names: tokens would cost more than all the rest. */
function identify ({ headers }: FastifyRequest): unknown {
  const name = headers['x-user']
  return name && { sub: name, name }
}

async function vitals () {
  const { server, registry, rooms, heartbeat, websocketServer } = app
  return {
    connections: await promisify<number>(server.getConnections.bind(server))(),
    registry: registry.size,
    users: new Set(registry.all().map(({ userId }) => userId)).size,
    rooms: rooms.size,
    heartbeat: heartbeat.size,
    webSockets: websocketServer.clients.size
  }
}

function listeners (emitter: EventEmitter): Record<string, number> {
  return Object.fromEntries(emitter.eventNames().map((name) => [String(name), emitter.listenerCount(name)]))
}

function counted (names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of [...names].sort()) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

/** Twice: what the first one only finalizes, the second one frees. */
function collectGarbage (): void {
  journal.events.length = 0
  globalThis.gc?.()
  globalThis.gc?.()
}

const questions = {
  port: async () => (app.server.address() as AddressInfo).port,
  vitals,
  isQuiet: () => turnsUntil(async () => Object.values(await vitals()).every((count) => count === 0)),
  logged: async (message: string) => logged[message] ?? 0,
  memory: async () => {
    collectGarbage()
    const { heapUsed, rss } = process.memoryUsage()
    return { heapUsed, rss }
  },
  /**
   * A message of the connection itself to every member but one: a buffer for each, where a broadcast has one for all.
   */
  greet: async (room: string, bytes: number, except: string) => {
    const text = 'x'.repeat(bytes)
    for (const { userId } of (await app.rooms.of(lab, { id: room }).members()).results) {
      if (userId !== undefined && userId !== except) await app.registry.send(userId, own, 'greeting', { text })
    }
  },
  /** Everything that has to be what it was. */
  census: async () => {
    collectGarbage()
    return {
      ...await vitals(),
      fileDescriptors: fileDescriptors(),
      timers: clock.timers.size,
      resources: counted(process.getActiveResourcesInfo().filter((name) => name !== 'Immediate')),
      server: listeners(app.server),
      webSocketServer: listeners(app.websocketServer),
      process: listeners(process),
      // Not only what is registered: whatever anything holds on to.
      alive: heap.alive(),
      errors: logged.errors ?? 0
    }
  }
}

export type Questions = typeof questions

interface Asked { readonly name: keyof Questions, readonly given: readonly never[] }

process.on('message', async ({ name, given }: Asked) => {
  const answer = await (questions[name] as (...given: readonly never[]) => Promise<unknown>)(...given)
  // Nobody may be left to be told.
  process.send?.(answer ?? null, undefined, undefined, () => {})
})
// Whoever asks is gone: nobody would end this process.
process.on('disconnect', () => process.exit())
process.send?.('listening')
