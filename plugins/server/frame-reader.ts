import { isUtf8 } from 'node:buffer'
import { Writable } from 'node:stream'
import type { WebSocket } from 'ws'

/** The receiver of `ws`. Private to `ws`, so every field is checked before use. */
type Receiver = Writable & Readonly<Partial<{
  _state: unknown
  _opcode: unknown
  _fragmented: unknown
  _bufferedBytes: unknown
  _maxPayload: unknown
  _allowSynchronousEvents: unknown
}>>

/**
 * Reads usual frames in place of `ws`: a whole text message in one frame that arrived in one piece. All other frames
 * go to `ws`, and so does what follows them in the same chunk. `ws` makes four buffers for each frame and runs each
 * chunk through a stream. Without that, a small request takes 8 % less CPU time, and one alone in its chunk 20 % less.
 */
export function readFrames (webSocket: WebSocket): void {
  const { _receiver: receiver } = webSocket as unknown as { readonly _receiver: Writable }
  receiver.write = write
  receiver._write = writeUnlessErrored
}

/** One function for all connections. */
const write = function (this: Receiver, chunk: Buffer): boolean {
  const read = isBetweenMessages(this) ? emitMessages(this, chunk) : 0
  return read === chunk.length || writeToStream.call(this, read === 0 ? chunk : chunk.subarray(read))
} as Writable['write']

const writeToStream = Writable.prototype.write as (chunk: Buffer) => boolean

/**
 * Discards the bytes after a broken frame. When `ws` waits for zlib or for the next turn, it goes on to parse chunks
 * that waited with the broken one, in an undefined state, and an exception there would end the process.
 */
const writeUnlessErrored: Writable['_write'] = function (this: Writable, chunk, encoding, done) {
  if (this.errored) done()
  else (Object.getPrototypeOf(this) as Writable)._write.call(this, chunk, encoding, done)
}

/** Whether `ws` waits for the first byte of a message. False for any object unlike the known versions of `ws`. */
function isBetweenMessages (receiver: Receiver): boolean {
  return receiver._state === 0 && receiver._bufferedBytes === 0 && receiver._fragmented === 0 &&
    receiver._opcode !== closeOpcode && receiver._allowSynchronousEvents === true && receiver.writable
}

/** Emits the messages at the start of a chunk. Returns how many bytes their frames have. */
function emitMessages (receiver: Receiver, chunk: Buffer): number {
  const { _maxPayload: max } = receiver
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length)
  let at = 0
  for (let end = frameEnd(chunk, at, max); end > 0; end = frameEnd(chunk, at, max)) {
    const start = maskOf(chunk, at) + maskBytes
    unmask(view, start, end)
    const message = chunk.subarray(start, end)
    if (!isUtf8(message)) {
      // The mask is its own inverse, so `ws` finds the frame as it came.
      unmask(view, start, end)
      return at
    }
    at = end
    receiver.emit('message', message, false)
  }
  return at
}

/** Where the frame that begins `at` ends; 0 unless it is a whole text message that is masked and within `max`. */
function frameEnd (chunk: Buffer, at: number, max: unknown): number {
  if (chunk[at] !== finalText) return 0
  const second = (chunk[at + 1] ?? 0) - maskBit
  const length = second === extendedLength ? chunk.length - at < 4 ? 0 : chunk.readUInt16BE(at + 2) : second
  if (length <= 0 || second > extendedLength || (max !== 0 && length > (max as number))) return 0
  const end = maskOf(chunk, at) + maskBytes + length
  return end <= chunk.length ? end : 0
}

/** Where the mask of the frame is that begins `at`. */
function maskOf (chunk: Buffer, at: number): number {
  return at + (chunk[at + 1] === (maskBit | extendedLength) ? 4 : 2)
}

/**
 * Applies the mask to the payload: the four bytes before it (RFC 6455 section 5.3). Four bytes at a time, which takes a
 * fifth of the time (250 ns for 143 bytes).
 */
function unmask (view: DataView, start: number, end: number): void {
  const mask = view.getInt32(start - maskBytes)
  let at = start
  for (; at + maskBytes <= end; at += maskBytes) view.setInt32(at, view.getInt32(at) ^ mask)
  for (let i = 0; at + i < end; i++) view.setUint8(at + i, view.getUint8(at + i) ^ view.getUint8(start - maskBytes + i))
}

/** The first byte of a text message in one frame, uncompressed. */
const finalText = 0x81
const closeOpcode = 0x08
const maskBit = 0x80
const maskBytes = 4
/** In the header, it means that the length follows in two bytes. */
const extendedLength = 126
