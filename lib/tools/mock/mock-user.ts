import type { IncomingMessage } from 'node:http'
import { bearer64Prefix, bearerPrefix } from '../../protocol/control-messages.ts'

/** The user of a connection to a mock: what handlers find as `ctx.user`. */
export interface MockUser {
  readonly id: string
  readonly name: string
  /** Further claims of its token, where that is a JWT. */
  readonly [claim: string]: unknown
}

/**
 * The user that a token stands for. Nothing is verified: the claims of a JWT are taken as they are, and any other text
 * is the name of a user. Without a token there is one user, `guest`.
 */
export function userOf (token: string | undefined): MockUser {
  const claims = claimsOf(token ?? '')
  const { id = claims['sub'] ?? token ?? 'guest', name = id } = claims as Partial<MockUser>
  return { ...claims, id: String(id), name: String(name) }
}

function claimsOf (token: string): Readonly<Record<string, unknown>> {
  try {
    const [, claims = ''] = token.split('.')
    return Object(JSON.parse(Buffer.from(claims, 'base64url').toString())) as Readonly<Record<string, unknown>>
  } catch {
    return {}
  }
}

/** The token of an upgrade, wherever it travels: in the header, as a subprotocol or in the URL. */
export function tokenOf ({ headers, url }: IncomingMessage): string | undefined {
  const [, inHeader] = /^Bearer (.+)$/i.exec(headers.authorization ?? '') ?? []
  const offers = (headers['sec-websocket-protocol'] ?? '').split(',').map((offer) => offer.trim())
  const plain = offers.find((offer) => offer.startsWith(bearerPrefix))?.slice(bearerPrefix.length)
  const encoded = offers.find((offer) => offer.startsWith(bearer64Prefix))?.slice(bearer64Prefix.length)
  const decoded = encoded === undefined ? undefined : Buffer.from(encoded, 'base64url').toString()
  return inHeader ?? plain ?? decoded ?? new URL(url as string, 'http://mock').searchParams.get('token') ?? undefined
}
