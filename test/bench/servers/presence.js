import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Type } from '@sinclair/typebox'
import fastify from 'fastify'
import { channels, defineChannel, implement } from '../../../dist/plugins/channels.js'

const { REDIS_URL: url } = process.env
const data = Type.Object({ name: Type.String() })
const rooms = ['all', 'count'].map((list) => {
  return defineChannel({ pattern: list, fromClient: {}, fromServer: {}, presence: { data, list } })
})

const app = fastify()
await app.register(channels, {
  limits: false,
  presenceGrace: 0,
  // The members do not answer pings.
  heartbeat: { interval: 3_600_000 },
  identify: ({ query }) => ({ id: query.user }),
  ...(url && { redis: { url } })
})
app.ws('/ws', rooms.map((room) => implement(room, { presence: (ctx) => ({ name: ctx.user.id }), on: {} })))
await app.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 })
while (app.channels.status().state !== 'up') await new Promise((resolve) => setTimeout(resolve, 50))

const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()
const answers = {
  /** The delays since the last time, in milliseconds, and the CPU time since the start, in microseconds. */
  delay: () => {
    const { user, system } = process.cpuUsage()
    const measured = { p99: delay.percentile(99) / 1e6, max: delay.max / 1e6, cpu: user + system }
    delay.reset()
    return measured
  },
  /** Users of a killed node would stay present in Redis, and the next round would not see them join. */
  stop: () => app.close()
}
process.on('message', async (question) => {
  const answer = await answers[question]() ?? 'stopped'
  process.send(answer, () => { if (question === 'stop') process.exit() })
})
process.on('disconnect', () => process.exit())
process.send(app.server.address().port)
