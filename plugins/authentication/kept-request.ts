import type { FastifyRequest } from 'fastify'

/** Headers of the handshake alone, and the first token: no later check of a token needs them. */
const ofHandshake: ReadonlySet<string> = new Set([
  'authorization', 'connection', 'upgrade', 'sec-websocket-extensions', 'sec-websocket-key', 'sec-websocket-protocol',
  'sec-websocket-version'
])

/**
 * What a later check of a token may read of the request of an upgrade, because options of @fastify/jwt such as `secret`
 * may be functions of a request: its own members, its URL and its headers. The request itself would keep the HTTP
 * response, its hooks and all of their results alive, about 5 KB for each connection.
 */
export function keptRequest (request: FastifyRequest): FastifyRequest {
  const { headers, url, method, httpVersion, socket } = request.raw
  const lasting = Object.fromEntries(Object.entries(headers).filter(([name]) => !ofHandshake.has(name)))
  const raw = { headers: lasting, url, method, httpVersion, socket }
  const kept = Object.create(Object.getPrototypeOf(request) as object) as FastifyRequest
  // Fastify has the raw request as the stream of the body, too.
  const own = Reflect.ownKeys(request).map((key) => [key, Reflect.get(request, key) as unknown] as const)
  return Object.assign(kept, Object.fromEntries(own.filter(([, value]) => value !== request.raw)), { raw })
}
