import type { FastifyRequest } from 'fastify'
import { ForbiddenOrigin, InvalidOptions } from '../errors.ts'

/**
 * Refuses pages of other origins. Browsers send a user's cookies with the WebSocket of any page and CORS does not
 * apply, so the Origin is the only defence (RFC 6455 section 10.2).
 * @throws {InvalidOptions} at registration for an entry that no browser sends.
 */
export function originCheck (origins: readonly string[] | '*' | undefined): (request: FastifyRequest) => Promise<void> {
  const allowed = allowance(origins)
  return async (request) => {
    const { origin } = request.headers
    if (origin !== undefined && !allowed(origin, request)) throw new ForbiddenOrigin()
  }
}

type IsAllowed = (origin: string, request: FastifyRequest) => boolean

function allowance (origins: readonly string[] | '*' | undefined): IsAllowed {
  if (origins === '*') return () => true
  if (origins === undefined) return (origin, request) => origin !== 'null' && origin === ownOrigin(request)
  for (const origin of origins) {
    if (originOf(origin) !== origin) {
      throw new InvalidOptions(`'${origin}' in 'origins' is not an origin: pass one such as 'https://app.example.com'`)
    }
  }
  const listed = new Set(origins)
  return (origin) => listed.has(origin)
}

/** Some proxies forward the scheme of a WebSocket (`wss`), where a page has that of HTTP. */
function ownOrigin ({ protocol, host }: FastifyRequest): string | undefined {
  return originOf(`${String(protocol).replace(/^ws/, 'http')}://${host}`)
}

function originOf (text: string): string | undefined {
  return URL.canParse(text) ? new URL(text).origin : undefined
}
