import { EventEmitter, on } from 'node:events'
import { createServer } from 'node:http'
import { buildSchema } from 'graphql'
import { useServer } from 'graphql-ws/use/ws'
import { WebSocketServer } from 'ws'
import { nextPayload, serve, userOf } from './work.js'

const schema = buildSchema(`
  type Quote { symbol: String! bid: Float! ask: Float! size: Int! venue: String! }
  input Asked { symbol: String! bid: Float! ask: Float! size: Int! venue: String! }
  type Said { count: Int! text: String! }
  type Query { echo(quote: Asked!): Quote! }
  type Subscription { said: Said! }
`)
const room = new EventEmitter().setMaxListeners(0)

async function * said () {
  for await (const [payload] of on(room, 'said')) yield { said: payload }
}

const server = createServer()
const sockets = new WebSocketServer({
  server,
  perMessageDeflate: false,
  verifyClient: ({ req: { url, headers } }) =>
    url !== '/idle' || userOf(headers.authorization) !== undefined
})
// GraphQL itself validates the variables of a query.
useServer({ schema, roots: { query: { echo: ({ quote }) => quote }, subscription: { said } } }, sockets)
server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
  serve(server.address().port, () => room.emit('said', nextPayload()))
})
