import { Type } from '@sinclair/typebox'
import fastify from 'fastify'
import { channels, defineChannel, implement } from '../../../dist/plugins/channels.js'
import { serve } from './serve.js'

const text = { payload: Type.Object({ text: Type.String(), rest: Type.String() }) }
const fromClient = { say: text }
const fromServer = { said: text }
const bench = defineChannel({ pattern: 'bench', fromClient, fromServer })
const persistent = defineChannel({
  pattern: 'persistent', fromClient, fromServer, history: { limit: 1_000, ttl: 600_000, initial: 1 }
})
const say = (ctx, payload) => ctx.broadcast('said', payload)

const app = fastify()
const { REDIS_URL: url, LOCAL_PATH: local } = process.env
await app.register(channels, { limits: false, ...(local && { local }), ...(url && { redis: { url } }) })
app.ws(
  '/ws',
  { public: true },
  [
    implement(bench, { on: { say } }),
    implement(persistent, { on: { say: async (ctx, payload) => { await say(ctx, payload) } } })
  ]
)
await app.listen({ port: 0, host: '127.0.0.1' })
while (app.channels.status().state !== 'up') await new Promise((resolve) => setTimeout(resolve, 50))
serve(app.server.address().port)
