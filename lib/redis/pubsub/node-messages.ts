import type { Except } from '../../cluster/pubsub.ts'
import type { EncodedMessage } from '../../protocol/encoding.ts'
import type { WhenSlow } from '../../protocol/when-slow.ts'

/** Bytes of the sending node's id at the head of a batch, so that a node ignores its own messages. */
const nodeIdBytes = 16

/** What to do with a message for a slow reader, as one byte. */
const whenSlowCodes = ['', 'drop', 'skip', 'latest'] as const

/** Added to that byte when the members that do not get the message follow. */
const hasExcept = 0x10

/**
 * Encodes a message for other nodes: the code of `whenSlow`, then the key of `latest`, `except` as JSON if there is
 * any, and the message, each after its length in 32 bits. A batch is the sender's id and such messages. Receivers hand
 * the same bytes on.
 */
export function encodeMessage (message: EncodedMessage, whenSlow: WhenSlow, except?: Except): Buffer {
  const code = whenSlowCodes.indexOf(typeof whenSlow === 'object' ? 'latest' : whenSlow ?? '')
  const key = Buffer.from(typeof whenSlow === 'object' ? whenSlow.latest : '')
  const parts = except ? [key, Buffer.from(JSON.stringify(except)), message] : [key, message]
  return Buffer.concat([Buffer.of(except ? code | hasExcept : code), ...parts.flatMap(afterLength)])
}

function afterLength (part: Buffer): [length: Buffer, part: Buffer] {
  const length = Buffer.allocUnsafe(4)
  length.writeUInt32BE(part.length)
  return [length, part]
}

/** The id of the node that sent a batch. @throws {TypeError} when it is cut off */
export function senderOf (body: Buffer): string {
  if (body.length < nodeIdBytes) throw new TypeError('a batch of messages without its sender')
  return body.toString('latin1', 0, nodeIdBytes)
}

export interface DecodedMessage {
  readonly encoded: EncodedMessage
  readonly whenSlow: WhenSlow
  readonly except: Except | undefined
}

/** All messages of a batch. @throws {TypeError | SyntaxError} when any of them is malformed */
export function decodeMessages (body: Buffer): DecodedMessage[] {
  const messages: DecodedMessage[] = []
  let at = nodeIdBytes
  const take = () => {
    const part = slice(body, at)
    at += 4 + part.length
    return part
  }
  while (at < body.length) {
    const code = body[at++] as number
    const key = take()
    const except = (code & hasExcept) === 0 ? undefined : JSON.parse(take().toString()) as Except
    messages.push({ encoded: take(), whenSlow: whenSlowOf(code & ~hasExcept, key), except })
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
