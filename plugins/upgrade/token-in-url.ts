import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'

/**
 * Browsers can put a token for a WebSocket into little else than its URL, and URLs are logged: by Fastify's request log,
 * its 404 message, its errors. So the token is taken out of an upgrade's URL before Fastify sees it.
 */
const tokens = new WeakMap<IncomingMessage, string>()

const parameter = /([?&]token=)([^&#\s]*)/g
const redacted = '$1[redacted]'

/** Takes tokens out of the URLs of all upgrades from now on. */
export function hideTokens (app: FastifyInstance): void {
  app.server.prependListener('upgrade', (request: IncomingMessage) => {
    const url = request.url as string
    const [found] = url.matchAll(parameter)
    if (!found) return
    tokens.set(request, decode(found[2] as string))
    request.url = url.replace(parameter, redacted)
  })
}

/** The token that an upgrade's URL carried. */
export function hiddenToken (request: IncomingMessage): string | undefined {
  return tokens.get(request)
}

/** A WebSocket route that is not ours finds the parameter in its query, as if it had never been away. */
export function restoreToken (request: FastifyRequest): void {
  const token = tokens.get(request.raw)
  if (token !== undefined) (request.query as { token?: string }).token = token
}

/** For our routes: a plain GET that should have been an upgrade is logged without its token too. */
export function redactingSerializers (app: FastifyInstance): { req?: (request: FastifyRequest) => object } {
  const { req } = (app.log as unknown as Record<symbol, { req?: (request: FastifyRequest) => object }>)[Symbol.for('pino.serializers')] ?? {}
  return req ? { req: (request) => redactAll(req(request)) } : {}
}

function redactAll (logged: object): object {
  return Object.fromEntries(Object.entries(logged).map(([key, value]) =>
    [key, typeof value === 'string' ? value.replace(parameter, redacted) : value]))
}

function decode (text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
