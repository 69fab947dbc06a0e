import type { TLSSocket } from 'node:tls'
import { types } from 'node:util'
import type { FastifyRequest } from 'fastify'
import { ForbiddenOrigin, InvalidOptions } from '../errors.ts'
import { matcherOf, normalOrigin } from './origin-patterns.ts'

/** Decides about an origin. The connection is refused unless the answer is `true`. */
export type OriginFunction = (origin: string, request: FastifyRequest) => boolean | Promise<boolean>

/** An origin, a pattern for origins, or a function. */
export type OriginPattern = string | RegExp | OriginFunction

/**
 * Refuses pages of other origins. Browsers send a user's cookies with the WebSocket of any page and CORS does not
 * apply, so the Origin is the only defence (RFC 6455 section 10.2).
 * @throws {InvalidOptions} at registration for a pattern that no browser's origin can match.
 */
export function originCheck (
  origins: OriginPattern | readonly OriginPattern[] | undefined
): (request: FastifyRequest) => void | Promise<void> {
  if (origins === '*') return () => {}
  const isAllowed = origins === undefined ? isOwn : anyOf([origins].flat())
  return (request) => request.headers.origin === undefined ? undefined : check(request.headers.origin, request)

  async function check (sent: string, request: FastifyRequest): Promise<void> {
    const origin = normalOrigin(sent)
    if (origin !== undefined && await isAllowed(origin, request)) return
    throw new ForbiddenOrigin(sent, ownAddress(request), origins === undefined)
  }
}

function anyOf (patterns: readonly OriginPattern[]): OriginFunction {
  if (patterns.includes('*')) throw new InvalidOptions("'*' in a list of 'origins' allows every page: pass '*' alone")
  const checks = patterns.map(checkOf)
  return async (origin, request) => {
    for (const isAllowed of checks) if (await isAllowed(origin, request) === true) return true
    return false
  }
}

function checkOf (pattern: OriginPattern): OriginFunction {
  if (typeof pattern === 'function') return pattern
  if (typeof pattern === 'string' || types.isRegExp(pattern)) return matcherOf(pattern)
  throw new InvalidOptions("wrong value for the option 'origins': pass '*', an origin such as " +
    "'https://app.example.com', 'https://*.example.com', a RegExp, a function, or an array of these")
}

/** Whether the page comes from this server. Its scheme counts where the server knows its own. */
function isOwn (origin: string, request: FastifyRequest): boolean {
  const [, scheme] = /^(https?):/.exec(origin) ?? []
  return scheme !== undefined && origin === normalOrigin(`${ownScheme(request) ?? scheme}://${ownHost(request)}`)
}

function ownAddress (request: FastifyRequest): string {
  const scheme = ownScheme(request)
  return `${scheme === undefined ? '' : `${scheme}://`}${ownHost(request)}`
}

/**
 * The scheme of a TLS socket, or the one that a trusted proxy forwards. Otherwise a proxy with TLS may be in front of
 * the server. Some proxies forward the scheme of a WebSocket (`wss`), where a page has that of HTTP.
 */
function ownScheme (request: FastifyRequest): string | undefined {
  const forwarded = forwardedBy(request, 'x-forwarded-proto', request.protocol)?.replace(/^ws/, 'http')
  return forwarded ?? ((request.raw.socket as Partial<TLSSocket>).encrypted ? 'https' : undefined)
}

function ownHost (request: FastifyRequest): string {
  return forwardedBy(request, 'x-forwarded-host', request.host) ?? request.host
}

/**
 * The first value of a header, which the proxy next to the browser has set. Only that of a trusted proxy: Fastify takes
 * the last value of such a header, and has `ips` only with `trustProxy`.
 */
function forwardedBy (request: FastifyRequest, name: string, known: string): string | undefined {
  const values = String(request.headers[name] ?? '').split(',').map((value) => value.trim())
  return request.ips !== undefined && values[0] !== '' && values.at(-1) === known ? values[0] : undefined
}
