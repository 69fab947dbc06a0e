import { IncomingMessage, type IncomingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import { finished } from 'node:stream'

/** What `injectWS` emits in place of a request: its second argument, and the headers of a handshake. */
interface Injected extends Pick<IncomingMessage, 'url' | 'method' | 'httpVersion'> {
  /** As the caller wrote them: names in any case, values of any type. */
  readonly headers: Readonly<Record<string, unknown>>
  readonly socket?: { readonly remoteAddress?: string }
}

/** As `inject` has them, where the test gives no other ones. */
const defaultHost = 'localhost:80'
const defaultAddress = '127.0.0.1'

/**
 * The request as Node makes it. `injectWS` has a plain object without the members of a request, with a stream that is
 * no socket: hooks of applications and of this plugin would fail on either.
 */
export function requestOf (request: IncomingMessage | Injected, stream: Socket): IncomingMessage {
  if (request instanceof IncomingMessage) return request
  const { headers, socket, ...rest } = request
  const message = new IncomingMessage(asSocket(stream, socket?.remoteAddress))
  const received = { host: defaultHost, ...receivedHeaders(headers) }
  const rawHeaders = Object.entries(received).flatMap(([name, value]) => [value].flat().flatMap((one) => [name, one]))
  return Object.assign(message, rest, {
    headers: received, rawHeaders, httpVersionMajor: 1, httpVersionMinor: 1, complete: true
  })
}

/** Names in lower case and values as text, as they arrive over a network. */
function receivedHeaders (headers: Injected['headers']): IncomingHttpHeaders & Record<string, string> {
  const given = Object.entries(headers).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given.map(([name, value]) =>
    [name.toLowerCase(), [value].flat().join(name.toLowerCase() === 'cookie' ? '; ' : ', ')]))
}

/** Gives the stream the members of a socket that an upgrade uses. A socket closes when both sides have ended. */
function asSocket (stream: Socket, remoteAddress = defaultAddress): Socket {
  finished(stream, () => stream.destroy())
  return Object.assign(stream, { remoteAddress })
}
