import { createServer } from 'node:http'
import crossws from 'crossws/adapters/node'
import { answerOf, encodedNext, serve, userOf } from './work.js'

const pathOf = ({ request }) => new URL(request.url).pathname

const sockets = crossws({
  serverOptions: { perMessageDeflate: false },
  hooks: {
    upgrade (request) {
      if (!request.url.endsWith('/idle') || userOf(request.headers.get('authorization') ?? '')) return
      return new Response('unauthorized', { status: 401 })
    },
    open (peer) { if (pathOf(peer) === '/fan') peer.subscribe('room') },
    message (peer, message) { peer.send(pathOf(peer) === '/echo' ? answerOf(message.text()) : message.rawData) }
  }
})

const server = createServer().on('upgrade', sockets.handleUpgrade)
server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
  serve(server.address().port, () => sockets.publish('room', encodedNext()))
})
