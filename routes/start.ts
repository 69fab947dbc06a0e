import cluster from 'node:cluster'
import { parseArgs } from 'node:util'
import type { ChannelsOptions } from 'fastify-channels'
import { buildApp } from './app.ts'
import { tokenSecret } from './secret.ts'
import { startWorkers, workerCount } from './workers.ts'

const {
  PORT = '3000', HOST = 'localhost', LOG_LEVEL = 'info', LIMITS = 'on', REDIS_URL, JWT_SECRET, DRAIN_TIMEOUT,
  DRAIN_SPREAD
} = process.env
const { values } = parseArgs({ options: { workers: { type: 'string', default: '1' } } })
const workers = workerCount(values.workers)
const secret = await tokenSecret(JWT_SECRET, REDIS_URL)

/** Serves the demo until a signal ends it. Returns its port. */
async function serve (): Promise<number> {
  const channels: ChannelsOptions = {
    jwt: { secret },
    asyncapi: {
      page: true, info: { title: 'The demo', version: '1.0.0', description: 'A chat, a dashboard and an editor.' }
    },
    ...(LIMITS === 'off' && { limits: false }),
    ...(DRAIN_TIMEOUT && { drain: { timeout: Number(DRAIN_TIMEOUT), spread: Number(DRAIN_SPREAD ?? 5_000) } }),
    ...(cluster.isWorker && { local: true }),
    ...(REDIS_URL && { redis: { url: REDIS_URL }, local: undefined })
  }
  const app = await buildApp({ logger: { level: LOG_LEVEL }, channels })
  const address = await app.listen({ port: Number(PORT), host: HOST })
  const end = async () => {
    await app.close()
    process.exit()
  }
  process.once('SIGINT', end)
  // Ctrl-C reaches a worker from the terminal, and once more from its primary.
  if (cluster.isWorker) process.on('SIGINT', () => {})
  // Another process takes over: the clients move to it first.
  process.once('SIGTERM', () => app.channels.drain().then(end))
  return Number(new URL(address).port)
}

function print (port: number): void {
  process.stdout.write(`
  fastify-channels demo: http://localhost:${port}

  Open it in two windows: a chat, a dashboard, an editor. Ctrl-C ends it.
  Every message that it understands, to read and to try: http://localhost:${port}/asyncapi
${LIMITS === 'off'
    ? '\n  Limits on rates and connections are OFF.\n'
    : ''}${REDIS_URL ? '\n  Nodes with the same REDIS_URL are one.\n' : ''}${workers === 1
    ? ''
    : `\n  ${workers} processes share the port, and are one cluster.\n`}
`)
}

if (workers === 1) print(await serve())
else if (cluster.isPrimary) print((await startWorkers(workers, { JWT_SECRET: secret })).port)
else await serve()
