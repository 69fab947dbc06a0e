/** Frames of RFC 6455 section 5.2, sound or not, and what a server answers. */
export interface FrameParts {
  readonly fin?: boolean
  /** The three reserved bits: 4 is RSV1, 2 is RSV2, 1 is RSV3. */
  readonly rsv?: number
  readonly opcode?: number
  readonly masked?: boolean
  /** What the header says, where that differs from the payload's own length. */
  readonly declared?: number | bigint
  /** How the length is written; by default as short as it can be. */
  readonly lengthBytes?: 0 | 2 | 8
}

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

const mask = Buffer.from([0x12, 0x34, 0x56, 0x78])

export function frame (payload: string | Buffer = '', parts: FrameParts = {}): Buffer {
  const bytes = Buffer.from(payload)
  const { masked = true, declared = bytes.length, lengthBytes = shortest(BigInt(declared)) } = parts
  return masked
    ? Buffer.concat([
      head(parts, BigInt(declared), lengthBytes, 0x80), mask, bytes.map((byte, i) => byte ^ (mask[i % 4] as number))
    ])
    : Buffer.concat([head(parts, BigInt(declared), lengthBytes, 0), bytes])
}

function shortest (length: bigint): 0 | 2 | 8 {
  return length < 126n ? 0 : length < 65_536n ? 2 : 8
}

function head (
  { fin = true, rsv = 0, opcode = opcodes.text }: FrameParts, length: bigint, lengthBytes: 0 | 2 | 8, maskBit: number
): Buffer {
  const first = (fin ? 0x80 : 0) | rsv << 4 | opcode
  if (lengthBytes === 0) return Buffer.from([first, maskBit | Number(length)])
  const long = Buffer.alloc(8)
  long.writeBigUInt64BE(length)
  return Buffer.concat([
    Buffer.from([first, maskBit | (lengthBytes === 2 ? 126 : 127)]), long.subarray(8 - lengthBytes)
  ])
}

/** One message in pieces. */
export function fragments (...payloads: ReadonlyArray<string | Buffer>): Buffer {
  return Buffer.concat(payloads.map((payload, i) =>
    frame(payload, { fin: i === payloads.length - 1, opcode: i === 0 ? opcodes.text : opcodes.continuation })))
}

export function ping (payload: string | Buffer = ''): Buffer {
  return frame(payload, { opcode: opcodes.ping })
}

/** A close frame; without a code an empty one. */
export function close (code?: number, reason: string | Buffer = ''): Buffer {
  if (code === undefined) return frame('', { opcode: opcodes.close })
  return frame(Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]), { opcode: opcodes.close })
}

/** An envelope that the server answers at once. */
export function question (correlationId: string): string {
  return JSON.stringify({ type: 'ping', correlationId })
}

export interface Received { readonly opcode: number, readonly payload: Buffer }

/** The server's frames in what came back, the complete ones. */
export function readFrames (received: Buffer): Received[] {
  const found: Received[] = []
  let rest = received.subarray(received.indexOf('\r\n\r\n') + 4)
  for (let next = readFrame(rest); next; next = readFrame(rest)) {
    found.push(next.frame)
    rest = next.rest
  }
  return found
}

function readFrame (bytes: Buffer): { frame: Received, rest: Buffer } | undefined {
  if (bytes.length < 2) return undefined
  const short = (bytes[1] as number) & 0x7f
  const start = short < 126 ? 2 : short === 126 ? 4 : 10
  if (bytes.length < start) return undefined
  const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2))
  if (bytes.length < start + length) return undefined
  return {
    frame: { opcode: (bytes[0] as number) & 0x0f, payload: bytes.subarray(start, start + length) },
    rest: bytes.subarray(start + length)
  }
}

export interface Closing { readonly code: number, readonly reason: string }

/** The server's close frame, once it is there. 1005 stands for one without a code, as in a browser. */
export function readClose (received: Buffer): Closing | undefined {
  const found = readFrames(received).find(({ opcode }) => opcode === opcodes.close)?.payload
  return found && { code: found.length < 2 ? 1005 : found.readUInt16BE(0), reason: String(found.subarray(2)) }
}

/** The ack with this correlationId, once it is there. */
export function readAck (correlationId: string): (received: Buffer) => true | undefined {
  return (received) => readFrames(received).some(({ opcode, payload }) =>
    opcode === opcodes.text && String(payload) === JSON.stringify({ type: 'ack', correlationId })) || undefined
}

export function readPong (content: string): (received: Buffer) => true | undefined {
  return (received) =>
    readFrames(received).some(({ opcode, payload }) => opcode === opcodes.pong && String(payload) === content) ||
      undefined
}
