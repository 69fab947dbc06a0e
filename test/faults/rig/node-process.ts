import { setTimeout as wait } from 'node:timers/promises'
import fastify from 'fastify'
import { Cluster, Redis } from 'ioredis'
import { systemClock } from '../../../lib/clock.ts'
import type { Handlers } from '../../../plugins/channels.ts'
import { durableChannel, rigChannel, wideChannel, type RigMessage } from './contract.ts'
import type { NodeOrder, NodeSettings } from './rig-node.ts'

// One node of the rig, in a process of its own. The package is the built one, or another one that is unpacked.

const { port, redis, plugin } = JSON.parse(process.argv[2] as string) as NodeSettings
const { channels, implement } = await import(plugin) as typeof import('../../../plugins/channels.ts')

const app = fastify({ logger: { level: 'warn' } })
let offsetMs = 0
await app.register(channels, {
  clock: { ...systemClock, now: () => Date.now() + offsetMs },
  ...('local' in redis
    ? { local: redis.local }
    : { redis: 'url' in redis ? { url: redis.url } : { client: clientOf(redis) } }),
  // Readers that stop are too slow after a second or two.
  limits: { perIp: 10_000, perUser: 100, sendQueueBytes: 262_144 },
  status: '/status',
  identify: ({ query }) => ({ sub: (query as { user: string }).user })
})

const from = ({ connection }: { readonly connection: { readonly id: string } }, message: RigMessage) =>
  ({ ...message, connection: connection.id })
const authorize = () => true
const presence = () => ({})
const on: Handlers<(typeof wideChannel)['definition']> = {
  write: async (ctx, message) => { await ctx.broadcast('written', from(ctx, message)) },
  say: async (ctx, message) => { await ctx.broadcast('written', from(ctx, message)) },
  hint: (ctx, message) => ctx.broadcast('hinted', from(ctx, message))
}
app.ws('/', {}, [
  implement(rigChannel, { authorize, presence, on }),
  implement(durableChannel, { authorize, presence, on }),
  implement(wideChannel, { authorize, on })
])
await app.listen({ port, host: '127.0.0.1' })

function clientOf (redis: Exclude<NodeSettings['redis'], { url: string } | { local: string }>): Redis | Cluster {
  if ('sentinels' in redis) return new Redis({ name: redis.name, sentinels: [...redis.sentinels], lazyConnect: true })
  return new Cluster([...redis.cluster], { lazyConnect: true })
}

/** As docs/deployment.md says. */
async function close (): Promise<void> {
  await app.channels.drain()
  await app.close()
  process.exit()
}

process.on('message', (order: NodeOrder) => {
  if (order.order === 'jump') offsetMs = order.ms
  else close().catch((error) => { throw error })
})
process.on('disconnect', () => process.exit())
// While Redis is away the node is ready without it.
for (let i = 0; i < 50 && app.channels.status().state !== 'up'; i++) await wait(100)
process.send?.('ready')
