import type { FastifyReply, FastifyRequest } from 'fastify'
import { bearer64Prefix, bearerPrefix, subprotocol } from '../../lib/protocol/control-messages.ts'
import { BadHandshake, UpgradeRequired } from '../errors.ts'

/**
 * Refuses an upgrade that is not a WebSocket handshake (RFC 6455 section 4.2.1) or offers only other subprotocols. The
 * check runs before `ws` sees the request, because `ws` aborts such a handshake without an explanation.
 * @throws {BadHandshake} 400 @throws {UpgradeRequired} 426
 */
export function checkHandshake (request: FastifyRequest, reply: FastifyReply): void {
  reply.header('cache-control', 'no-store')
  const { headers } = request
  checkHeaders(request)
  if (!request.ws) return
  if (!headers.host) throw new BadHandshake('Missing Host header.')
  if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0) {
    throw new BadHandshake('An upgrade has no body: send the first message after the 101.')
  }
  if (headers.upgrade?.toLowerCase() !== 'websocket') {
    throw new BadHandshake("Wrong Upgrade header: send 'websocket'.")
  }
  if (headers['sec-websocket-version'] !== '13') {
    reply.header('sec-websocket-version', '13')
    requireUpgrade(reply, 'Wrong Sec-WebSocket-Version: send 13.')
  }
  if (!/^[+/0-9A-Za-z]{22}==$/.test(headers['sec-websocket-key'] ?? '')) {
    throw new BadHandshake('Wrong Sec-WebSocket-Key: send 16 bytes in base64.')
  }
  checkSubprotocols(headers['sec-websocket-protocol'])
}

/**
 * Node reads so many headers, and ignores further ones: an Origin among those would not be checked. Of two Host headers
 * it takes the first, where a proxy may take the second.
 */
function checkHeaders ({ raw: { rawHeaders }, server }: FastifyRequest): void {
  const { maxHeadersCount } = server.server
  if (maxHeadersCount && rawHeaders.length / 2 > maxHeadersCount) {
    throw new BadHandshake(`Too many headers: send at most ${maxHeadersCount}.`)
  }
  let hosts = 0
  for (let i = 0; i < rawHeaders.length; i += 2) if (rawHeaders[i]?.toLowerCase() === 'host') hosts++
  if (hosts > 1) throw new BadHandshake('Two Host headers: send one.')
}

/** Answers a plain request that passed every check of an upgrade. @throws {UpgradeRequired} 426 */
export async function refusePlain (_request: FastifyRequest, reply: FastifyReply): Promise<never> {
  return requireUpgrade(reply, 'This is a WebSocket route: send an Upgrade header, in HTTP/1.1.')
}

/**
 * HTTP/2 has no Upgrade header, and Node throws for one. In HTTP/1 the connection header names it (RFC 9110 section
 * 7.8) and says what happens to the connection.
 */
function requireUpgrade (reply: FastifyReply, problem: string): never {
  const { raw } = reply
  if (raw.req.httpVersionMajor < 2) {
    reply.headers({ upgrade: 'websocket', connection: raw.shouldKeepAlive ? 'keep-alive, upgrade' : 'close, upgrade' })
  }
  throw new UpgradeRequired(problem)
}

/** The subprotocols that a client offers, in the client's order. */
export function offeredBy ({ headers }: Pick<FastifyRequest, 'headers'>): string[] {
  return headers['sec-websocket-protocol']?.split(',').map((offer) => offer.trim()) ?? []
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"

/** A list of tokens (RFC 9110 section 5.6.2). */
const tokenList = new RegExp(`^[ \\t]*${token}[ \\t]*(?:,[ \\t]*${token}[ \\t]*)*$`)

function checkSubprotocols (header: string | undefined): void {
  if (header === undefined) return
  if (!tokenList.test(header)) {
    throw new BadHandshake('Wrong Sec-WebSocket-Protocol: send a list of tokens, and base64url in place of other ' +
      `characters, as '${bearer64Prefix}…'.`)
  }
  const offers = header.split(',').map((offer) => offer.trim())
  if (new Set(offers).size < offers.length) {
    throw new BadHandshake('The same subprotocol is offered twice: offer each one once.')
  }
  if (offers.includes(subprotocol)) return
  // Without a selected subprotocol a browser fails without an explanation, and a selected token would be printed.
  const problem = offers.every((offer) => offer.startsWith(bearerPrefix) || offer.startsWith(bearer64Prefix))
    ? 'A token is the only subprotocol offered'
    : 'No offered subprotocol is supported'
  throw new BadHandshake(`${problem}: offer '${subprotocol}' too, or no subprotocol.`)
}

/**
 * The subprotocol that `ws` selects: that of this library when it is offered, else the first, as `ws` does by itself.
 */
export function selectSubprotocol (offers: Set<string>): string {
  return offers.has(subprotocol) ? subprotocol : [...offers][0] as string
}
