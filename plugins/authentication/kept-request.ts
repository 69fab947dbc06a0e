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
  const lasting: Record<string, unknown> = {}
  for (const name in headers) if (!ofHandshake.has(name)) lasting[name] = headers[name]
  const kept = Object.create(Object.getPrototypeOf(request) as object) as Record<string | symbol, unknown>
  const own = request as unknown as typeof kept
  // Fastify has the raw request as the stream of the body, too.
  for (const key of Reflect.ownKeys(request)) if (!isNote(key) && own[key] !== request.raw) kept[key] = own[key]
  kept.raw = { headers: lasting, url, method, httpVersion, socket }
  return kept as unknown as FastifyRequest
}

/** What this plugin notes of an upgrade. It is 200 bytes, and over with the upgrade. */
function isNote (key: string | symbol): boolean {
  return typeof key === 'symbol' && key.description?.startsWith('fastify-channels.') === true
}
