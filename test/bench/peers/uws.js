import { createRequire } from 'node:module'
import { answerOf, encodedNext, serve, userOf } from './work.js'

// uWebSockets.js is on GitHub alone. This package of the registry carries its version 20.30, for Node.js 16, 18 and 20.
// The binary is asked for by name, because the package falls back to `ws` where it has none.
const { platform, arch, versions: { modules } } = process
const binary = `@trufflesuite/uws-js-unofficial/binaries/uws_${platform}_${arch}_${modules}.node`
const uws = createRequire(import.meta.url)(binary)

const app = uws.App()
app.ws('/echo', {
  message: (socket, data, isBinary) => { socket.send(answerOf(Buffer.from(data).toString()), isBinary) }
})
app.ws('/fan', { open: (socket) => { socket.subscribe('room') } })
app.ws('/idle', {
  upgrade (response, request, context) {
    const user = userOf(request.getHeader('authorization'))
    if (!user) return response.writeStatus('401 Unauthorized').end()
    const header = (name) => request.getHeader(`sec-websocket-${name}`)
    response.upgrade({ user }, header('key'), header('protocol'), header('extensions'), context)
  },
  message: (socket, data, isBinary) => { socket.send(data, isBinary) }
})
app.listen('127.0.0.1', 0, (listening) => serve(uws.us_socket_local_port(listening), () => {
  app.publish('room', encodedNext())
}))
