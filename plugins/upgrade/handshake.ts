import type { FastifyReply, FastifyRequest } from 'fastify'
import { bearerPrefix, subprotocol } from '../../lib/protocol/control-messages.ts'
import { BadHandshake, UpgradeRequired } from '../errors.ts'

/**
 * Refuses a request that is not a WebSocket handshake (RFC 6455 section 4.2.1) or offers only other subprotocols. The
 * check runs before `ws` sees the request, because `ws` aborts such a handshake without an explanation.
 * @throws {BadHandshake} 400 @throws {UpgradeRequired} 426
 */
export async function checkHandshake (request: FastifyRequest, reply: FastifyReply): Promise<void> {
  if (!request.ws) {
    reply.header('upgrade', 'websocket')
    throw new UpgradeRequired('This is a WebSocket route: send an Upgrade header.')
  }
  const { headers, raw } = request
  // Node accepts the first two as an upgrade (RFC 9110 section 7.8, RFC 6455 section 4.2.1).
  if (raw.httpVersion === '1.0') throw new BadHandshake('HTTP/1.0 has no upgrade: send HTTP/1.1.')
  if (!headers.host) throw new BadHandshake('Missing Host header.')
  if (headers.upgrade?.toLowerCase() !== 'websocket') {
    throw new BadHandshake("Wrong Upgrade header: send 'websocket'.")
  }
  if (headers['sec-websocket-version'] !== '13') {
    reply.header('sec-websocket-version', '13')
    throw new UpgradeRequired('Wrong Sec-WebSocket-Version: send 13.')
  }
  if (!/^[+/0-9A-Za-z]{22}==$/.test(headers['sec-websocket-key'] ?? '')) {
    throw new BadHandshake('Wrong Sec-WebSocket-Key: send 16 bytes in base64.')
  }
  checkSubprotocols(offeredBy(request))
}

/** The subprotocols that a client offers, in the client's order. */
export function offeredBy ({ headers }: Pick<FastifyRequest, 'headers'>): string[] {
  return headers['sec-websocket-protocol']?.split(',').map((offer) => offer.trim()) ?? []
}

function checkSubprotocols (offers: readonly string[]): void {
  if (offers.length === 0 || offers.includes(subprotocol)) return
  // Without a selected subprotocol a browser fails without an explanation, and a selected token would be printed.
  const problem = offers.every((offer) => offer.startsWith(bearerPrefix))
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
