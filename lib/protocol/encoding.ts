import type { Envelope } from './envelope.ts'

/** An encoded envelope, ready for the socket: UTF-8 JSON. Encoded once, handed to every member as the same bytes. */
export type EncodedMessage = Buffer

/** A logged message's place in its log, as it is on the wire. */
export interface EntryPosition {
  readonly offset: number
  readonly id: string
  readonly hash: string
  readonly prev: string
}

export function encodeEnvelope (envelope: Envelope): EncodedMessage {
  return Buffer.from(JSON.stringify(envelope))
}

/** The frame of a logged message with its place in it: spliced in, since it is known only after the frame was made. */
export function withPosition (bytes: EncodedMessage, { offset, id, hash, prev }: EntryPosition): EncodedMessage {
  const place = JSON.stringify({ offset, id, hash, prev })
  return Buffer.concat([bytes.subarray(0, -1), Buffer.from(`,${place.slice(1)}`)])
}

const comma = Buffer.from(',')

/** Frames as a JSON list: nobody parses them for that. */
export function jsonList (frames: readonly EncodedMessage[]): Buffer {
  const items = frames.flatMap((bytes, i) => i === 0 ? [bytes] : [comma, bytes])
  return Buffer.concat([Buffer.from('['), ...items, Buffer.from(']')])
}

/** An envelope whose payload gets some more members that are JSON already. */
export function encodeEnvelopeWith (envelope: Envelope & { readonly payload: object }, members: Readonly<Record<string, Buffer>>): EncodedMessage {
  const { payload, ...rest } = envelope
  const whole = JSON.stringify({ ...rest, payload })
  const added = Object.entries(members).flatMap(([name, json]) => [comma, Buffer.from(`${JSON.stringify(name)}:`), json])
  // An empty payload has no member to put a comma after.
  const list = whole.endsWith('{}}') ? added.slice(1) : added
  return Buffer.concat([Buffer.from(whole.slice(0, -2)), ...list, Buffer.from('}}')])
}
