import { Type } from '@sinclair/typebox'
import fastify from 'fastify'
import { channels, defineChannel, implement } from '../../../dist/plugins/channels.js'
import { serve } from './serve.js'

const quote = Type.Object({
  symbol: Type.String(), bid: Type.Number(), ask: Type.Number(), size: Type.Integer(), venue: Type.String()
})

const bench = defineChannel({
  pattern: 'bench/:id',
  params: Type.Object({ id: Type.String() }),
  fromClient: { echo: { payload: quote, reply: quote } },
  fromServer: {}
})

const app = fastify()
// Rates are what is measured: without the limits a client may have.
await app.register(channels, { limits: false })
app.ws('/ws', { public: true }, [implement(bench, { on: { echo: (ctx, payload) => payload } })])
await app.listen({ port: 0, host: '127.0.0.1' })
serve(app.server.address().port)
