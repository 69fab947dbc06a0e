import { buildApp } from './app.ts'

const { PORT = '3000', HOST = 'localhost', LOG_LEVEL = 'info' } = process.env

const app = await buildApp({ logger: { level: LOG_LEVEL } })
const address = await app.listen({ port: Number(PORT), host: HOST })
const { port } = new URL(address)

process.stdout.write(`
  fastify-channels demo: http://localhost:${port}

  Open it in two windows, take two names, and talk. Ctrl-C ends it.

`)

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    await app.close()
    process.exit()
  })
}
