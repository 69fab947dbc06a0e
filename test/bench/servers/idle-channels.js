import fastifyJwt from '@fastify/jwt'
import { Type } from '@sinclair/typebox'
import fastify from 'fastify'
import { channels, defineChannel, implement } from '../../../dist/plugins/channels.js'
import { secret } from '../memory/tokens.js'
import { serve } from './serve.js'

const room = defineChannel({ pattern: 'room', fromClient: { say: { payload: Type.String() } }, fromServer: {} })

const app = fastify()
await app.register(fastifyJwt, { secret })
await app.register(channels, { limits: { perIp: 100_000, perUser: 100_000 } })
app.ws('/ws', [implement(room, { authorize: () => true, on: { say: () => {} } })])
await app.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 })
serve(app.server.address().port)
