/** Changes with everything that a process of another version would misread. */
export const protocolVersion = 1

/** The head of the first packet of a node, and of the refusal of a node of another version. */
export interface Hello {
  readonly version: number
  readonly node?: string
}

/** What a packet is. Its index is the byte on the wire: the first three never change, so that versions can tell. */
const kinds = ['hello', 'welcome', 'refused', 'request', 'answer', 'failure', 'event'] as const

export type PacketKind = typeof kinds[number]

/** One unit of the protocol between a node and the hub. */
export interface Packet {
  readonly kind: PacketKind
  /** Connects an answer with its request; 0 for all others. */
  readonly id: number
  /** Any JSON value. */
  readonly head: unknown
  /** Encoded messages and other JSON texts, which are not encoded a second time. */
  readonly parts: readonly Buffer[]
}

/** A longer packet is not sent: its length is garbage. A presence list of 100,000 users takes a tenth of it. */
const maxPacketBytes = 268_435_456

/** Kind, id, and the length of the head. */
const fixedBytes = 9

/**
 * Encodes a packet: its length in 32 bits, the kind as one byte, the id, the length of the head and the head as JSON,
 * then each part after its length.
 */
export function encodePacket (kind: PacketKind, id: number, head: unknown, parts: readonly Buffer[] = []): Buffer {
  const json = JSON.stringify(head ?? null)
  const headBytes = Buffer.byteLength(json)
  const length = parts.reduce((bytes, part) => bytes + 4 + part.length, fixedBytes + headBytes)
  const packet = Buffer.allocUnsafe(4 + length)
  packet.writeUInt32BE(length, 0)
  packet[4] = kinds.indexOf(kind)
  packet.writeUInt32BE(id, 5)
  packet.writeUInt32BE(headBytes, 9)
  let at = 13 + packet.write(json, 13)
  for (const part of parts) {
    at = packet.writeUInt32BE(part.length, at)
    at += part.copy(packet, at)
  }
  return packet
}

/** @throws {TypeError | SyntaxError | RangeError} when it is malformed */
function decodePacket (bytes: Buffer): Packet {
  const kind = kinds[bytes[0] as number]
  if (kind === undefined) throw new TypeError('a packet of an unknown kind')
  const take = (at: number) => {
    const end = at + 4 + bytes.readUInt32BE(at)
    if (end > bytes.length) throw new TypeError('a packet is cut off')
    return bytes.subarray(at + 4, end)
  }
  const head = take(5)
  const parts: Buffer[] = []
  for (let at = fixedBytes + head.length; at < bytes.length;) {
    const part = take(at)
    at += 4 + part.length
    // A copy, because what is kept of a message must not keep all bytes that arrived with it.
    parts.push(Buffer.from(part))
  }
  return { kind, id: bytes.readUInt32BE(1), head: JSON.parse(head.toString()) as unknown, parts }
}

/** Cuts a stream of bytes into packets. */
export class PacketReader {
  #chunks: Buffer[] = []
  #bytes = 0
  /** Bytes that the next packet needs, as far as that is known. */
  #needed = 4

  /** The packets that are complete with this chunk. @throws {TypeError | SyntaxError | RangeError} */
  read (chunk: Buffer): Packet[] {
    const packets: Packet[] = []
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    while (this.#bytes >= this.#needed) {
      const bytes = this.#chunks.length === 1 ? this.#chunks[0] as Buffer : Buffer.concat(this.#chunks)
      const length = bytes.readUInt32BE(0)
      if (length > maxPacketBytes) throw new TypeError(`a packet of ${length} bytes`)
      this.#needed = 4 + length
      this.#chunks = [bytes]
      if (bytes.length < this.#needed) continue
      const rest = bytes.subarray(this.#needed)
      this.#chunks = rest.length > 0 ? [rest] : []
      this.#bytes -= this.#needed
      this.#needed = 4
      packets.push(decodePacket(bytes.subarray(4, 4 + length)))
    }
    return packets
  }
}
