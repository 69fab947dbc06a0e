import { Type } from '@sinclair/typebox'
import fastify from 'fastify'
import { channels, defineChannel, implement } from '../../../dist/plugins/channels.js'
import { serve } from './serve.js'

const text = { payload: Type.Object({ text: Type.String(), rest: Type.String() }) }
const bench = defineChannel({ pattern: 'bench', fromClient: { say: text }, fromServer: { said: text } })

const app = fastify()
await app.register(channels, { limits: false, redis: { url: process.env.REDIS_URL } })
app.ws('/ws', { public: true }, [implement(bench, { on: { say: (ctx, payload) => ctx.broadcast('said', payload) } })])
await app.listen({ port: 0, host: '127.0.0.1' })
while (app.channels.status().state !== 'up') await new Promise((resolve) => setTimeout(resolve, 50))
serve(app.server.address().port)
