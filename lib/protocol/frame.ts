import type { Envelope } from './envelope.ts'

/** An encoded envelope, ready for the socket: UTF-8 JSON. Encoded once, handed to every member as the same bytes. */
export type Frame = Buffer

/**
 * What becomes of a frame for a connection whose previous write is unfinished: undefined: it waits, and a queue that grows
 * too long ends the connection; `drop`: it is left out; `latest`: it takes the place of a waiting one with the same key.
 */
export type WhenSlow = undefined | 'drop' | { readonly latest: string }

export function frame (envelope: Envelope): Frame {
  return Buffer.from(JSON.stringify(envelope))
}
