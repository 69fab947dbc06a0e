import { EventEmitter, on } from 'node:events'
import { createServer } from 'node:http'
import { initTRPC } from '@trpc/server'
import { applyWSSHandler } from '@trpc/server/adapters/ws'
import { WebSocketServer } from 'ws'
import { isQuote, nextPayload, serve, userOf } from './work.js'

const room = new EventEmitter().setMaxListeners(0)

function parse (input) {
  if (!isQuote(input)) throw new Error('invalid')
  return input
}

const trpc = initTRPC.create()
const router = trpc.router({
  echo: trpc.procedure.input(parse).mutation(({ input }) => input),
  said: trpc.procedure.subscription(async function * ({ signal }) {
    for await (const [payload] of on(room, 'said', { signal })) yield payload
  })
})

const server = createServer()
const wss = new WebSocketServer({
  server,
  perMessageDeflate: false,
  verifyClient: ({ req: { url, headers } }) =>
    url !== '/idle' || userOf(headers.authorization) !== undefined
})
applyWSSHandler({ wss, router })
server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
  serve(server.address().port, () => room.emit('said', nextPayload()))
})
