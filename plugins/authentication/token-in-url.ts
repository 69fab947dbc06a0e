import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Unauthenticated } from '../errors.ts'

/**
 * Tokens that were in the URL of an upgrade. A browser can send a token in the URL or as a subprotocol only, and URLs
 * appear in Fastify's request log, 404 messages and errors. So the token leaves the URL before Fastify sees it.
 */
const tokens = new WeakMap<IncomingMessage, readonly string[]>()

const parameter = /([?&;])([^=?&;#\s]*)=([^&;#\s]*)/g

/** Replaces each token in a URL. The name may be percent-encoded, because Fastify decodes it (`%74oken`). */
function redacted (url: string): string {
  return url.replace(parameter, (found: string, before: string, name: string) =>
    isToken(name) ? `${before}${name}=[redacted]` : found)
}

function isToken (name: string): boolean {
  return decode(name) === 'token'
}

/** Replaces the tokens in the URL of an upgrade. Returns the only one. */
export function hideToken (request: IncomingMessage): string | undefined {
  const url = request.url as string
  const found = tokensIn(url)
  if (found.length === 0) return undefined
  tokens.set(request, found)
  request.url = redacted(url)
  return found.length === 1 ? found[0] : undefined
}

/**
 * The token that was in the URL of an upgrade, or is in the URL of a plain request.
 * @throws {Unauthenticated} for two of them, because servers and proxies differ in which one they take
 */
export function tokenInUrl ({ ws, raw }: FastifyRequest): string | undefined {
  const [token, other] = ws ? tokens.get(raw) ?? [] : tokensIn(raw.url as string)
  if (other !== undefined) throw new Unauthenticated('there are two tokens in the URL')
  return token
}

function tokensIn (url: string): string[] {
  if (!url.includes('=')) return []
  const found = [...url.matchAll(parameter)].filter(([, , name = '']) => isToken(name))
  return found.map(([, , , value]) => decode((value as string).replaceAll('+', ' ')))
}

/** Puts the token back into the query, for a WebSocket route that does not belong to this plugin. */
export function restoreToken (request: FastifyRequest): void {
  const [token, ...others] = tokens.get(request.raw) ?? []
  if (token === undefined) return
  const query = request.query as { token?: string | string[] }
  query.token = others.length === 0 ? token : [token, ...others]
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
