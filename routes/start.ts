import type { ChannelsOptions } from 'fastify-channels'
import { buildApp } from './app.ts'
import { tokenSecret } from './secret.ts'

const {
  PORT = '3000', HOST = 'localhost', LOG_LEVEL = 'info', LIMITS = 'on', REDIS_URL, JWT_SECRET, DRAIN_TIMEOUT,
  DRAIN_SPREAD
} = process.env
const channels: ChannelsOptions = {
  asyncapi: {
    page: true, info: { title: 'The demo', version: '1.0.0', description: 'A chat, a dashboard and an editor.' }
  },
  jwt: { secret: await tokenSecret(JWT_SECRET, REDIS_URL) },
  ...(LIMITS === 'off' && { limits: false }),
  ...(DRAIN_TIMEOUT && { drain: { timeout: Number(DRAIN_TIMEOUT), spread: Number(DRAIN_SPREAD ?? 5_000) } }),
  ...(REDIS_URL && { redis: { url: REDIS_URL } })
}

const app = await buildApp({ logger: { level: LOG_LEVEL }, channels })
const address = await app.listen({ port: Number(PORT), host: HOST })
const { port } = new URL(address)

process.stdout.write(`
  fastify-channels demo: http://localhost:${port}

  Open it in two windows: a chat, a dashboard, an editor. Ctrl-C ends it.
  Every message that it understands, to read and to try: http://localhost:${port}/asyncapi
${LIMITS === 'off'
  ? '\n  Limits on rates and connections are OFF.\n'
  : ''}${REDIS_URL ? '\n  Nodes with the same REDIS_URL are one.\n' : ''}
`)

async function end (): Promise<void> {
  await app.close()
  process.exit()
}

process.once('SIGINT', end)
// Another process takes over: the clients move to it first.
process.once('SIGTERM', () => app.channels.drain().then(end))
