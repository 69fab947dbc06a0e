import fastifyJwt from '@fastify/jwt'
import { Type } from '@sinclair/typebox'
import fastify from 'fastify'
import { channels, defineChannel, implement } from '../../../dist/plugins/channels.js'
import { nextPayload, quote, secret, serve } from './work.js'

const fromClient = { echo: { payload: quote, reply: quote } }
const bench = defineChannel({ pattern: 'bench', fromClient, fromServer: {} })
const slow = defineChannel({ pattern: 'async', fromClient, fromServer: {} })
const room = defineChannel({
  pattern: 'room',
  fromClient: {},
  fromServer: { said: { payload: Type.Object({ count: Type.Integer(), text: Type.String() }) } }
})

// Rates are what is measured: with limits, they are higher than what a client reaches here.
const rate = { max: 100_000_000, timeWindow: 1_000 }
const limits = process.argv[2] === 'limits' && { perIp: 100_000, perUser: 100_000, messages: rate, bytes: rate }

const app = fastify()
await app.register(fastifyJwt, { secret })
await app.register(channels, { limits })
const isPublic = { public: true }
app.ws('/echo', isPublic, [
  implement(bench, { on: { echo: (_ctx, payload) => payload } }),
  implement(slow, { on: { echo: async (_ctx, payload) => payload } })
])
app.ws('/fan', isPublic, [implement(room, { on: {} })])
app.ws('/idle', [implement(room, { authorize: () => true, on: {} })])

await app.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 })
serve(app.server.address().port, () => { app.rooms.of(room).broadcast('said', nextPayload()) })
