import type { Welcome } from './control-messages.ts'
import { maxRecoveryBytes, type Envelope } from './envelope.ts'
import { ChannelsError } from './errors.ts'
import type { EntryPosition } from './position.ts'

/** An envelope as UTF-8 JSON. It is encoded one time, and all members of a room get the same bytes. */
export type EncodedMessage = Buffer

export function encodeEnvelope (envelope: Envelope): EncodedMessage {
  return Buffer.from(JSON.stringify(envelope))
}

/** Encodes `welcome` once for a route. The returned function adds the id, which needs no escapes. */
export function welcomeEncoder (payload: Omit<Welcome, 'connectionId'>): (connectionId: string) => EncodedMessage {
  const members = JSON.stringify(payload).slice(1)
  return (connectionId) => Buffer.from(`{"type":"welcome","payload":{"connectionId":"${connectionId}",${members}}`)
}

/**
 * Encodes a message whose payload is the application's. A larger one would close the connections of all receivers.
 *
 * @param what names the message in the error
 * @throws {ChannelsError} `FST_CHANNELS_USAGE`, 413, above `maxRecoveryBytes`
 */
export function encodeOutgoing (envelope: Envelope, what: string): EncodedMessage {
  const encoded = encodeEnvelope(envelope)
  // The application does not know of the id, so it takes no room from its payload.
  if (encoded.length <= maxRecoveryBytes || envelope.id === undefined) return checkedSize(encoded, what)
  return encodeOutgoing({ ...envelope, id: undefined }, what)
}

/** Encodes an ack whose payload is JSON already, in half of the time. */
export function encodeAck (
  channel: string | undefined, payload: string | undefined, correlationId: string | undefined
): EncodedMessage {
  const channelMember = channel === undefined ? '' : `,"channel":${jsonText(channel)}`
  const payloadMember = payload === undefined ? '' : `,"payload":${payload}`
  const idMember = correlationId === undefined ? '' : `,"correlationId":${jsonText(correlationId)}`
  return Buffer.from(`{"type":"ack"${channelMember}${payloadMember}${idMember}}`)
}

function jsonText (text: string): string {
  return isPlainText(text) ? `"${text}"` : JSON.stringify(text)
}

/** Printable ASCII without what JSON escapes. A longer text is not searched, but left to `JSON.stringify`. */
export function isPlainText (text: string): boolean {
  return text.length <= maxPlainLength && /^[ !#-[\]-~]*$/.test(text)
}

const maxPlainLength = 256

/** @throws {ChannelsError} `FST_CHANNELS_USAGE`, 413, above `maxRecoveryBytes` */
export function checkedSize (encoded: EncodedMessage, what: string): EncodedMessage {
  if (encoded.length <= maxRecoveryBytes) return encoded
  throw new ChannelsError('FST_CHANNELS_USAGE', `${what} has ${encoded.length} bytes: send at most ` +
    `${maxRecoveryBytes}, which every client accepts`, 413)
}

/** Adds the position to an encoded message, because the position is known only after the message was encoded. */
export function withPosition (bytes: EncodedMessage, { offset, id, hash, prev }: EntryPosition): EncodedMessage {
  const position = JSON.stringify({ offset, id, hash, prev })
  return Buffer.concat([bytes.subarray(0, -1), Buffer.from(`,${position.slice(1)}`)])
}

const comma = Buffer.from(',')

/** Encoded messages as a JSON list, without parsing them. */
export function jsonList (messages: readonly EncodedMessage[]): Buffer {
  const items = messages.flatMap((bytes, i) => i === 0 ? [bytes] : [comma, bytes])
  return Buffer.concat([Buffer.from('['), ...items, Buffer.from(']')])
}

/** Members of a payload that are JSON already, whole or in parts. */
export type JsonMembers = Readonly<Record<string, Buffer | readonly Buffer[]>>

/** An encoded message in parts, some of which other messages share. `length` in bytes. */
export interface MessageParts {
  readonly parts: readonly Buffer[]
  readonly length: number
}

/** Encodes an envelope and adds such members to its payload, without copying them. */
export function encodeParts (
  envelope: Envelope & { readonly payload: object }, members: JsonMembers
): MessageParts {
  const entries = Object.entries(members)
  if (entries.length === 0) return partsOf([encodeEnvelope(envelope)])
  const { payload, ...rest } = envelope
  const json = JSON.stringify({ ...rest, payload })
  const added = entries.flatMap(([name, json]) => [
    comma, Buffer.from(`${JSON.stringify(name)}:`), ...[json].flat()
  ])
  // An empty payload has no member before the first comma.
  const list = json.endsWith('{}}') ? added.slice(1) : added
  return partsOf([Buffer.from(json.slice(0, -2)), ...list, Buffer.from('}}')])
}

function partsOf (parts: readonly Buffer[]): MessageParts {
  return { parts, length: parts.reduce((bytes, { length }) => bytes + length, 0) }
}

/** The same as one buffer. */
export function encodeEnvelopeWith (...args: Parameters<typeof encodeParts>): EncodedMessage {
  return wholeOf(encodeParts(...args))
}

export function wholeOf (message: EncodedMessage | MessageParts): EncodedMessage {
  return 'parts' in message ? Buffer.concat(message.parts, message.length) : message
}
