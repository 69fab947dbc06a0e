import type { IncomingMessage, Server } from 'node:http'
import type { FastifyRequest } from 'fastify'
import { bearer64Prefix, bearerPrefix, subprotocol } from '../../lib/protocol/control-messages.ts'
import { Unauthenticated } from '../errors.ts'
import { offeredBy } from '../upgrade/handshake.ts'
import { hideToken, tokenInUrl } from './token-in-url.ts'

/**
 * Puts a token into the header as it is, wherever it travelled and in whichever form. The hooks of the application,
 * `identify` and @fastify/jwt find it there.
 * @throws {Unauthenticated} for a token that is not encoded as its prefix says
 */
export function moveTokenToHeader (request: FastifyRequest): void {
  move(request.raw, tokenInUrl(request))
}

/**
 * Does the same with every following upgrade before Fastify sees it, because a hook of the whole application may run
 * before those of the route. Only for clients of this protocol: other WebSocket routes have rules of their own. It also
 * takes the token out of the URL of every upgrade.
 */
export function prepareTokens (webSocketRequests: Server): void {
  webSocketRequests.prependListener('upgrade', (request: IncomingMessage) => {
    const token = hideToken(request)
    if (!offeredBy(request).includes(subprotocol)) return
    try {
      move(request, token)
    } catch {
      // The hook refuses it, with an explanation.
    }
  })
}

function move ({ headers }: IncomingMessage, inUrl: string | undefined): void {
  const { authorization } = headers
  const [, encoded] = /^Bearer64(?: +|$)(.*)$/i.exec(authorization ?? '') ?? []
  const token = encoded === undefined ? undefined : decoded(encoded)
  const moved = authorization === undefined ? tokenOffered(offeredBy({ headers })) ?? inUrl : token
  if (moved !== undefined) headers.authorization = `Bearer ${moved}`
}

function tokenOffered (offers: readonly string[]): string | undefined {
  for (const offer of offers) {
    if (offer.startsWith(bearerPrefix)) return offer.slice(bearerPrefix.length)
    if (offer.startsWith(bearer64Prefix)) return decoded(offer.slice(bearer64Prefix.length))
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Of several texts for the same bytes only the canonical one is a token (RFC 4648 section 3.5). */
function decoded (base64url: string): string {
  const bytes = Buffer.from(base64url, 'base64url')
  try {
    if (bytes.length > 0 && bytes.toString('base64url') === base64url) return utf8.decode(bytes)
  } catch {
    // The bytes are no UTF-8.
  }
  throw new Unauthenticated('the token is not encoded as base64url of UTF-8')
}
