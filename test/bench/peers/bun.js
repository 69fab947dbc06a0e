import { answerOf, encodedNext, serve, userOf } from './work.js'

// Runs in Bun, not in Node.js.

const server = globalThis.Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch (request, server) {
    const { pathname } = new URL(request.url)
    const user = pathname === '/idle' ? userOf(request.headers.get('authorization') ?? '') : {}
    if (!user) return new Response('unauthorized', { status: 401 })
    return server.upgrade(request, { data: { pathname, user } }) ? undefined : new Response('', { status: 426 })
  },
  websocket: {
    open (socket) { if (socket.data.pathname === '/fan') socket.subscribe('room') },
    message (socket, text) { socket.send(socket.data.pathname === '/echo' ? answerOf(text) : text) }
  }
})
serve(server.port, () => { server.publish('room', encodedNext()) })
