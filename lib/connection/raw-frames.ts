import type { WebSocket } from 'ws'
import type { EncodedMessage } from '../protocol/encoding.ts'

/** A frame of up to this many bytes is copied into one piece with its neighbours, which costs less than its own way through `ws` and a list of pieces. */
export const maxCopiedBytes = 16_384

/** What `ws` keeps of what it is about to send. Private to it: looked for, never assumed. */
interface Sender { readonly _state?: unknown, readonly _firstFragment?: unknown, readonly _queue?: readonly unknown[] }

/**
 * Whether bytes may be written to the socket beneath a WebSocket without it: it is open, and has nothing begun or waiting that they would overtake or
 * land in the middle of: no compressed frame, no fragmented message. Not so for what does not look like the `ws` that we know.
 */
export function isSenderIdle (webSocket: WebSocket): boolean {
  const { _state, _firstFragment, _queue } = (webSocket as unknown as { readonly _sender?: Sender })._sender ?? {}
  return webSocket.readyState === webSocket.OPEN && _state === 0 && _firstFragment === true && _queue?.length === 0
}

/** Frames as WebSocket text frames in one piece, unmasked as a server's are (RFC 6455 section 5.2). Each is shorter than 65,536 bytes. */
export function encodeTextFrames (frames: readonly EncodedMessage[]): Buffer {
  const whole = Buffer.allocUnsafe(frames.reduce((bytes, { length }) => bytes + headLength(length) + length, 0))
  let at = 0
  for (const frame of frames) {
    at = writeHead(whole, frame.length, at)
    at += frame.copy(whole, at)
  }
  return whole
}

const final = 0x80
const text = 0x01
/** The length follows in two bytes. */
const longer = 126

function headLength (length: number): number {
  return length < longer ? 2 : 4
}

function writeHead (whole: Buffer, length: number, at: number): number {
  whole[at] = final | text
  whole[at + 1] = Math.min(length, longer)
  return length < longer ? at + 2 : whole.writeUInt16BE(length, at + 2)
}
