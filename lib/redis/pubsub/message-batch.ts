import type { EncodedMessage } from '../../protocol/encoding.ts'
import type { WhenSlow } from '../../protocol/when-slow.ts'

/** Bytes of a node's id at the head of its frames: it ignores its own. */
const idLength = 16

/** Every frame: a byte for what becomes of it where it cannot be written, the key of `latest` with its length, and itself with its length. */
const manners = ['', 'drop', 'skip', 'latest'] as const

/**
 * Frames as they travel between nodes: `node id, (manner, key length, key, frame length, frame)*`, lengths as 32 bits. Whoever receives them
 * hands the same bytes on.
 */
export function encodeForNodes (frame: EncodedMessage, whenSlow: WhenSlow): Buffer {
  const key = Buffer.from(typeof whenSlow === 'object' ? whenSlow.latest : '')
  const head = Buffer.allocUnsafe(5 + key.length + 4)
  head[0] = manners.indexOf(typeof whenSlow === 'object' ? 'latest' : whenSlow ?? '')
  head.writeUInt32BE(key.length, 1)
  key.copy(head, 5)
  head.writeUInt32BE(frame.length, 5 + key.length)
  return Buffer.concat([head, frame])
}

/** The id of the node that sent them. */
export function senderOf (body: Buffer): string {
  if (body.length < idLength) throw new TypeError('frames without a sender')
  return body.toString('latin1', 0, idLength)
}

/** @throws {TypeError} before it gives a single one, when they are malformed. */
export function decodeBatch (body: Buffer): Array<{ readonly frame: EncodedMessage, readonly whenSlow: WhenSlow }> {
  const frames = []
  for (let at = idLength; at < body.length;) {
    const key = slice(body, at + 1)
    const frame = slice(body, at + 5 + key.length)
    frames.push({ frame, whenSlow: mannerOf(body[at] as number, key) })
    at += 9 + key.length + frame.length
  }
  return frames
}

function mannerOf (byte: number, key: Buffer): WhenSlow {
  const manner = manners[byte]
  if (manner === undefined) throw new TypeError('a frame of an unknown manner')
  if (manner === '') return undefined
  return manner === 'latest' ? { latest: key.toString() } : manner
}

function slice (body: Buffer, at: number): Buffer {
  if (at + 4 > body.length) throw new TypeError('a frame is cut off')
  const end = at + 4 + body.readUInt32BE(at)
  if (end > body.length) throw new TypeError('a frame is cut off')
  return body.subarray(at + 4, end)
}
