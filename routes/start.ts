import { buildApp } from './app.ts'

const app = await buildApp({ logger: { level: process.env.LOG_LEVEL ?? 'info' } })

const address = await app.listen({ port: Number(process.env.PORT ?? 3000), host: process.env.HOST ?? 'localhost' })
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
