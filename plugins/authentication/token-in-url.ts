import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'

/**
 * Tokens that were in the URL of an upgrade. A browser can send a token in the URL or as a subprotocol only, and URLs
 * appear in Fastify's request log, 404 messages and errors. So the token leaves the URL before Fastify sees it.
 */
const tokens = new WeakMap<IncomingMessage, string>()

const parameter = /([?&;])([^=?&;#\s]*)=([^&;#\s]*)/g

/** Replaces each token in a URL. The name may be percent-encoded, because Fastify decodes it (`%74oken`). */
function redacted (url: string): string {
  return url.replace(parameter, (found: string, before: string, name: string) =>
    isToken(name) ? `${before}${name}=[redacted]` : found)
}

function isToken (name: string): boolean {
  return decode(name) === 'token'
}

/** Replaces the token in the URL of an upgrade, and returns it. */
export function hideToken (request: IncomingMessage): string | undefined {
  const url = request.url as string
  const found = [...url.matchAll(parameter)].find(([, , name = '']) => isToken(name))
  if (!found) return undefined
  const token = decode((found[3] as string).replaceAll('+', ' '))
  tokens.set(request, token)
  request.url = redacted(url)
  return token
}

/** The token that was in the URL of an upgrade, or is in the URL of a plain request. */
export function tokenInUrl ({ ws, raw, query }: FastifyRequest): string | undefined {
  if (ws) return tokens.get(raw)
  const { token } = query as { token?: unknown }
  return typeof token === 'string' ? token : undefined
}

/** Puts the token back into the query, for a WebSocket route that does not belong to this plugin. */
export function restoreToken (request: FastifyRequest): void {
  const token = tokens.get(request.raw)
  if (token !== undefined) (request.query as { token?: string }).token = token
}

/** Log serializers of a channels route, because a plain GET with a token in its URL is logged as well. */
export function redactingSerializers (app: FastifyInstance): { req?: (request: FastifyRequest) => object } {
  const { req } = serializersOf(app.log)
  return req ? { req: (request) => redactAll(req(request)) } : {}
}

type Serializers = { readonly req?: (request: FastifyRequest) => object }

/** The serializers of a pino logger; none for another logger. */
function serializersOf (log: object): Serializers {
  return (log as Record<symbol, Serializers>)[Symbol.for('pino.serializers')] ?? {}
}

function redactAll (logged: object): object {
  return Object.fromEntries(Object.entries(logged).map(([key, value]) =>
    [key, typeof value === 'string' ? redacted(value) : value]))
}

function decode (text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
