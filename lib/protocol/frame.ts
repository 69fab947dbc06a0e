import type { Envelope } from './envelope.ts'

/** An encoded envelope, ready for the socket: UTF-8 JSON. Encoded once, handed to every member as the same bytes. */
export type Frame = Buffer

export function frame (envelope: Envelope): Frame {
  return Buffer.from(JSON.stringify(envelope))
}
