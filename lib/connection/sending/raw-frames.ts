import type { WebSocket } from 'ws'
import type { EncodedMessage } from '../../protocol/encoding.ts'

/**
 * Messages up to this size are copied into one buffer with their neighbours. That costs less than a `ws` send and a
 * write vector for each.
 */
export const maxCopiedBytes = 16_384

/** The sender's state in `ws`. Private to `ws`, so every field is checked before use. */
interface Sender { readonly _state?: unknown, readonly _firstFragment?: unknown, readonly _queue?: readonly unknown[] }

/**
 * Whether frames may be written directly to the TCP socket beneath a WebSocket. The WebSocket has to be open, and `ws`
 * must not be in the middle of a compressed or fragmented message, nor have one queued. False for any object that does
 * not look like the known versions of `ws`.
 */
export function isSenderIdle (webSocket: WebSocket): boolean {
  const { _state, _firstFragment, _queue } = (webSocket as unknown as { readonly _sender?: Sender })._sender ?? {}
  return webSocket.readyState === webSocket.OPEN && _state === 0 && _firstFragment === true && _queue?.length === 0
}

/**
 * Messages as WebSocket text frames in one buffer, unmasked as a server sends them (RFC 6455 section 5.2). Each message
 * has to be shorter than 65,536 bytes.
 */
export function encodeTextFrames (messages: readonly EncodedMessage[]): Buffer {
  const whole = Buffer.allocUnsafe(messages.reduce((bytes, { length }) => bytes + headerBytes(length) + length, 0))
  let at = 0
  for (const encoded of messages) {
    at = writeHeader(whole, encoded.length, at)
    at += encoded.copy(whole, at)
  }
  return whole
}

/** The header of a text frame of that length, which may be any. */
export function textFrameHeader (length: number): Buffer {
  if (length <= maxShortBytes) {
    const header = Buffer.alloc(headerBytes(length))
    writeHeader(header, length, 0)
    return header
  }
  const header = Buffer.from([finBit | textOpcode, longLength, 0, 0, 0, 0, 0, 0, 0, 0])
  header.writeUIntBE(length, 4, 6)
  return header
}

const finBit = 0x80
const textOpcode = 0x01
/** In the header, it means that the length follows in two bytes. */
const extendedLength = 126
/** The same for eight bytes. */
const longLength = 127
const maxShortBytes = 0xffff

function headerBytes (length: number): number {
  return length < extendedLength ? 2 : 4
}

function writeHeader (whole: Buffer, length: number, at: number): number {
  whole[at] = finBit | textOpcode
  whole[at + 1] = Math.min(length, extendedLength)
  return length < extendedLength ? at + 2 : whole.writeUInt16BE(length, at + 2)
}
