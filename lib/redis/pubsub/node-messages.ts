import type { EncodedMessage } from '../../protocol/encoding.ts'
import type { WhenSlow } from '../../protocol/when-slow.ts'

/** Bytes of the sending node's id at the head of a batch, so that a node ignores its own messages. */
const nodeIdBytes = 16

/** What to do with a message for a slow reader, as one byte. */
const whenSlowCodes = ['', 'drop', 'skip', 'latest'] as const

/**
 * Encodes a message for other nodes: the code of `whenSlow`, then the key of `latest` and the message, each after its
 * length in 32 bits. A batch is the sender's id and such messages. Receivers hand the same bytes on.
 */
export function encodeMessage (message: EncodedMessage, whenSlow: WhenSlow): Buffer {
  const key = Buffer.from(typeof whenSlow === 'object' ? whenSlow.latest : '')
  const head = Buffer.allocUnsafe(5 + key.length + 4)
  head[0] = whenSlowCodes.indexOf(typeof whenSlow === 'object' ? 'latest' : whenSlow ?? '')
  head.writeUInt32BE(key.length, 1)
  key.copy(head, 5)
  head.writeUInt32BE(message.length, 5 + key.length)
  return Buffer.concat([head, message])
}

/** The id of the node that sent a batch. @throws {TypeError} when it is cut off */
export function senderOf (body: Buffer): string {
  if (body.length < nodeIdBytes) throw new TypeError('a batch of messages without its sender')
  return body.toString('latin1', 0, nodeIdBytes)
}

export interface DecodedMessage {
  readonly encoded: EncodedMessage
  readonly whenSlow: WhenSlow
}

/** All messages of a batch. @throws {TypeError} when any of them is malformed */
export function decodeMessages (body: Buffer): DecodedMessage[] {
  const messages = []
  for (let at = nodeIdBytes; at < body.length;) {
    const key = slice(body, at + 1)
    const encoded = slice(body, at + 5 + key.length)
    messages.push({ encoded, whenSlow: whenSlowOf(body[at] as number, key) })
    at += 9 + key.length + encoded.length
  }
  return messages
}

function whenSlowOf (code: number, key: Buffer): WhenSlow {
  const whenSlow = whenSlowCodes[code]
  if (whenSlow === undefined) throw new TypeError('a message with an unknown code for slow readers')
  if (whenSlow === '') return undefined
  return whenSlow === 'latest' ? { latest: key.toString() } : whenSlow
}

function slice (body: Buffer, at: number): Buffer {
  if (at + 4 > body.length) throw new TypeError('a message is cut off')
  const end = at + 4 + body.readUInt32BE(at)
  if (end > body.length) throw new TypeError('a message is cut off')
  return body.subarray(at + 4, end)
}
