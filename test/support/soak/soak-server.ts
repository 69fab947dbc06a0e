import { readdirSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { Type } from '@sinclair/typebox'
import fastify from 'fastify'
import { systemClock, type Clock, type Timer } from '../../../lib/clock.ts'
import { defineChannel } from '../../../lib/contract/define-channel.ts'
import { implement } from '../../../lib/server/implement.ts'
import { channels } from '../../../plugins/channels.ts'

// One node of the soak test, in a process of its own. `SoakNode` starts it and asks for its vitals.

const text = Type.Object({ text: Type.String() })
const soak = defineChannel({
  pattern: 'soak/:room',
  params: Type.Object({ room: Type.String() }),
  fromClient: { write: { payload: text, idempotent: true }, hint: { payload: text } },
  fromServer: { written: { payload: text }, hinted: { payload: text, ephemeral: true } },
  presence: Type.Object({ name: Type.String() }),
  // Short, so that the histories are gone before the end is measured.
  history: { limit: 200, ttl: 10_000, initial: 20 }
})

const timers = new Set<Timer>()

/** The timers of the plugin that wait. They do not keep the process alive, so Node does not list them. */
const clock: Clock = {
  now: systemClock.now,
  setTimeout: (fn, ms) => {
    const timer = systemClock.setTimeout(() => { timers.delete(timer); fn() }, ms)
    timers.add(timer)
    return timer
  },
  clearTimeout: (timer) => {
    timers.delete(timer)
    systemClock.clearTimeout(timer)
  }
}

const app = fastify({ logger: false })
await app.register(channels, {
  clock,
  redis: { url: process.argv[2] as string },
  limits: { perIp: 10_000, perUser: 50 },
  identify: ({ headers }) => headers['x-user'] && { sub: String(headers['x-user']), name: String(headers['x-user']) }
})
app.ws('/', {}, [implement(soak, {
  presence: (ctx) => ({ name: ctx.user.name }),
  on: {
    write: async (ctx, { text }) => { await ctx.broadcast('written', { text }) },
    hint: (ctx, { text }) => ctx.broadcast('hinted', { text })
  }
})])
await app.listen({ port: 0, host: '127.0.0.1' })

function vitals () {
  for (let i = 0; i < 4; i++) (globalThis as unknown as { gc: () => void }).gc()
  const { heapUsed, rss } = process.memoryUsage()
  return {
    heapUsed,
    rss,
    descriptors: readdirSync('/proc/self/fd').length,
    timers: timers.size,
    connections: app.registry.size,
    rooms: app.rooms.size,
    heartbeat: app.heartbeat.size,
    webSockets: app.websocketServer.clients.size,
    state: app.channels.status().state
  }
}

export type Vitals = ReturnType<typeof vitals>

process.on('message', (question) => {
  if (question === 'vitals') process.send?.(vitals())
  else app.close().finally(() => process.exit())
})
process.send?.((app.server.address() as AddressInfo).port)
