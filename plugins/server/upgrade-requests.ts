import { EventEmitter } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { requestOf } from './injected-requests.ts'

/** The upgrades of other WebSocket servers: by their paths, each with everything below it, or by a function. */
export type OtherUpgrades = readonly string[] | ((request: IncomingMessage) => boolean)

/**
 * Emits 'upgrade' for the requests of a server that ask for WebSocket, in the place of that server. Any other upgrade
 * is ignored (RFC 9110 section 7.8): the server reads that request again, as a plain one. `others` are left to the
 * other listeners of the server.
 */
export function webSocketRequestsOf (server: Server, others: OtherUpgrades = []): Server {
  const isOther = typeof others === 'function' ? asked(others) : asked(({ url }) => isBelow(String(url), others))
  // Node reads 2,000 headers by default and ignores the rest. The size of the head, 16 KB, bounds their number too.
  server.maxHeadersCount ??= 0
  const webSocketRequests = new WebSocketRequests()
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    // Without another listener nobody would answer.
    if (server.listenerCount('upgrade') > 1 && isOther(request)) return
    afterEarlierResponse(socket, () => {
      if (asksForWebSocket(request)) webSocketRequests.emit('upgrade', request, socket, head)
      else serveAsPlain(server, request, socket, head)
    })
  })
  // @fastify/websocket uses nothing of its server but this event.
  return webSocketRequests as Server
}

/** An upgrade is left to others only by the answer `true`: neither a promise nor a failure may end the process. */
function asked (others: (request: IncomingMessage) => unknown): (request: IncomingMessage) => boolean {
  return (request) => {
    try {
      const answer = others(request)
      Promise.resolve(answer).catch(() => {})
      return answer === true
    } catch {
      return false
    }
  }
}

function isBelow (url: string, paths: readonly string[]): boolean {
  const [path = ''] = url.split('?')
  return paths.some((other) => path === other || path.startsWith(other.replace(/\/?$/, '/')))
}

/** `injectWS` emits 'upgrade' here, and not at the server. */
class WebSocketRequests extends EventEmitter {
  override emit (event: string, request: IncomingMessage, socket: Socket, head: Buffer): boolean {
    return super.emit(event, requestOf(request, socket), socket, head)
  }
}

/** Sends what is written and closes the socket. That of an injected request is a stream without `destroySoon`. */
export function destroyAfterWrites (socket: Socket): void {
  if (socket.destroySoon === undefined) socket.end(() => socket.destroy())
  else socket.destroySoon()
}

/** HTTP/1.0 has no upgrade. A list that names WebSocket is refused later, with an explanation. */
function asksForWebSocket ({ headers: { upgrade }, httpVersion }: IncomingMessage): boolean {
  return httpVersion !== '1.0' && (upgrade === 'websocket' || listOf(upgrade).includes('websocket'))
}

/** `parser`: of a connection that speaks HTTP/1. `_httpMessage`: the answer that is under way on it. */
export type HttpSocket = Socket & { readonly parser?: object | null, readonly _httpMessage?: ServerResponse | null }

/** A listener of a socket. */
export function destroy (this: Socket): void {
  this.destroy()
}

/** Node emits 'upgrade' also while the response to an earlier request of the connection is not finished. */
function afterEarlierResponse (socket: Socket, act: () => void): void {
  const { _httpMessage: earlier } = socket as HttpSocket
  if (!earlier) return act()
  // Node has removed its own listener, and a reset would end the process.
  socket.on('error', destroy)
  earlier.once('finish', () => {
    socket.removeListener('error', destroy)
    afterEarlierResponse(socket, act)
  })
}

/** Puts the request back before the bytes that follow it, and gives the socket to a new parser of the server. */
function serveAsPlain (server: Server, request: IncomingMessage, socket: Socket, head: Buffer): void {
  socket.unshift(Buffer.concat([headWithoutUpgrade(request), head]))
  server.emit('encrypted' in socket ? 'secureConnection' : 'connection', socket)
}

function headWithoutUpgrade ({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name, value] = rawHeaders.slice(i, i + 2) as [string, string]
    const kept = name.toLowerCase() === 'connection' ? withoutUpgrade(value) : value
    if (!ofUpgrades.includes(name.toLowerCase())) lines.push(`${name}: ${kept}`)
  }
  return Buffer.from([...lines, '', ''].join('\r\n'), 'latin1')
}

const ofUpgrades: readonly (string | undefined)[] = ['upgrade', 'http2-settings']

function withoutUpgrade (connection: string): string {
  return listOf(connection).filter((token) => !ofUpgrades.includes(token)).join(', ')
}

function listOf (header = ''): string[] {
  return header.toLowerCase().split(',').map((token) => token.trim())
}
