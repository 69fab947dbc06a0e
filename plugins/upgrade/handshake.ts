import type { FastifyReply, FastifyRequest } from 'fastify'
import { bearerPrefix, subprotocol } from '../../lib/protocol/control-messages.ts'
import { BadHandshake, UpgradeRequired } from '../errors.ts'

/**
 * Refuses what is no WebSocket handshake (RFC 6455 section 4.2.1), or speaks another protocol than ours, while HTTP can
 * still say why: a browser shows nothing of a handshake that `ws` aborts.
 */
export async function checkHandshake (request: FastifyRequest, reply: FastifyReply): Promise<void> {
  if (!request.ws) {
    reply.header('upgrade', 'websocket')
    throw new UpgradeRequired('This is a WebSocket route: send an Upgrade')
  }
  const { headers, raw } = request
  // Node lets both pass for an upgrade (RFC 9110 section 7.8, RFC 6455 section 4.2.1).
  if (raw.httpVersion === '1.0') throw new BadHandshake('HTTP/1.0 knows no Upgrade')
  if (!headers.host) throw new BadHandshake('There must be a Host')
  if (headers.upgrade?.toLowerCase() !== 'websocket') throw new BadHandshake('The Upgrade must be to websocket')
  if (headers['sec-websocket-version'] !== '13') {
    reply.header('sec-websocket-version', '13')
    throw new UpgradeRequired('The WebSocket version must be 13')
  }
  if (!/^[+/0-9A-Za-z]{22}==$/.test(headers['sec-websocket-key'] ?? '')) throw new BadHandshake('The Sec-WebSocket-Key is not sound')
  checkSubprotocols(offeredBy(request))
}

/** The subprotocols that a client offers, in its order. */
export function offeredBy ({ headers }: Pick<FastifyRequest, 'headers'>): string[] {
  return headers['sec-websocket-protocol']?.split(',').map((offer) => offer.trim()) ?? []
}

function checkSubprotocols (offers: readonly string[]): void {
  if (offers.length === 0 || offers.includes(subprotocol)) return
  // Selecting nothing would make a browser fail without a word, selecting the token would print it.
  const only = offers.every((offer) => offer.startsWith(bearerPrefix)) ? `A token needs '${subprotocol}' offered beside it` : 'No subprotocol offered is spoken here'
  throw new BadHandshake(`${only}: offer '${subprotocol}', or none`)
}

/** Which subprotocol `ws` selects: ours where it is offered; on other routes the first, which is what `ws` itself does. */
export function selectSubprotocol (offers: Set<string>): string {
  return offers.has(subprotocol) ? subprotocol : [...offers][0] as string
}
