import { readdirSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { Type } from '@sinclair/typebox'
import fastify from 'fastify'
import { defineChannel } from '../../../lib/contract/define-channel.ts'
import { implement } from '../../../lib/server/implement.ts'
import { channels } from '../../../plugins/channels.ts'
import { CountingClock } from '../counting-clock.ts'

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

const clock = new CountingClock()

const app = fastify({ logger: false })
await app.register(channels, {
  clock,
  redis: { url: process.argv[2] as string },
  limits: { perIp: 10_000, perUser: 50 },
  drain: { timeout: 0 },
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
    timers: clock.timers.size,
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
