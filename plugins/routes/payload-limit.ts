import type { WebSocket } from 'ws'

/** The parts of `ws` that refuse a message which is too large: before and after decompression. */
interface Limited { _maxPayload: number }
interface Receiver extends Limited { readonly _extensions: Readonly<Record<string, Limited>> }

/**
 * Limits the messages of one connection, because `ws` has one limit for all routes of a server. Call it in the turn of
 * the upgrade, when no message has been read.
 */
export function limitPayload (webSocket: WebSocket, bytes: number): void {
  const { _receiver: receiver } = webSocket as unknown as { readonly _receiver: Receiver }
  for (const part of [receiver, ...Object.values(receiver._extensions)]) part._maxPayload = bytes
}
