import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocketServer, type WebSocket } from 'ws'
import { subprotocol } from '../../protocol/control-messages.ts'
import type { MockOptions } from './mock-options.ts'

/** Takes the WebSocket of an upgrade. */
export type Accept = (webSocket: WebSocket, request: IncomingMessage) => void

/** The largest message of a client, as in the plugin. */
export const maxPayload = 65_536

const loopback = /^https?:\/\/(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/

/** Listens for upgrades on any path. */
export async function listen (
  { port = 0, host = '127.0.0.1', origins = 'loopback' }: MockOptions, accept: Accept
): Promise<{ readonly url: string, readonly stop: () => void }> {
  const isAllowed = ({ headers: { origin } }: IncomingMessage) =>
    origin === undefined || origins === '*' || loopback.test(origin)
  const webSockets = new WebSocketServer({
    noServer: true,
    maxPayload,
    handleProtocols: (offers) => offers.has(subprotocol) ? subprotocol : false
  })
  const server = createServer((request, response) => answerPlain(request, response, isAllowed(request)))
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => {})
    if (!isAllowed(request)) return socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n')
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      // After an error `ws` closes the connection itself.
      webSocket.on('error', () => {})
      accept(webSocket, request)
    })
  })
  server.listen(port, host)
  await once(server, 'listening')
  const { port: bound } = server.address() as AddressInfo
  const { host: named } = new URL(`ws://${host.replace(/^.*:.*$/, '[$&]')}:${bound}`)
  return { url: `ws://${named}`, stop: () => { server.close() } }
}

/** A page whose connection was refused asks for the reason with a plain request. */
function answerPlain ({ headers: { origin } }: IncomingMessage, response: ServerResponse, isAllowed: boolean): void {
  const statusCode = isAllowed ? 426 : 403
  const message = isAllowed ? 'This is a WebSocket server: connect to it.' : `The origin ${origin} is not allowed.`
  response.writeHead(statusCode, {
    connection: 'close',
    'content-type': 'application/json; charset=utf-8',
    ...(isAllowed && origin !== undefined && { 'access-control-allow-origin': origin })
  })
  response.end(JSON.stringify({ statusCode, message }))
}
