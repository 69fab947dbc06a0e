import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib'
import { frame, opcodes, type FrameParts } from '../hostile/frames.ts'
import { handshake } from '../hostile/http.ts'

/** One text message as its fragments, with control frames between them. */
export interface TextMessage {
  readonly fragments: readonly Buffer[]
  /** Written after each fragment but the last. */
  readonly between?: Buffer
}

/** A message, which is compressed where that was negotiated, or the bytes of frames as they are. */
export type Sent = TextMessage | Buffer

const syncFlush = { finishFlush: constants.Z_SYNC_FLUSH }
/** The end of a flushed block, which RFC 7692 leaves out. */
const flushed = Buffer.from([0, 0, 0xff, 0xff])

export function bytesOf (sent: Sent, deflate: boolean): Buffer {
  if (Buffer.isBuffer(sent)) return sent
  const { between = Buffer.alloc(0) } = sent
  const parts = deflate ? compress(sent.fragments) : sent.fragments
  return Buffer.concat(parts.flatMap((part, i) => {
    const isLast = i === parts.length - 1
    const head: FrameParts = { fin: isLast, opcode: i === 0 ? opcodes.text : opcodes.continuation }
    return [frame(part, deflate && i === 0 ? { ...head, rsv: 4 } : head), ...isLast ? [] : [between]]
  }))
}

/** The compressed message in as many fragments. */
function compress (fragments: readonly Buffer[]): Buffer[] {
  const whole = deflateRawSync(Buffer.concat(fragments), syncFlush).subarray(0, -flushed.length)
  const size = Math.ceil(whole.length / fragments.length)
  return fragments.map((_, i) => whole.subarray(i * size, (i + 1) * size))
}

/** The frames of one server, as short words: `echo <text>`, `error <code>`, `pong <payload>`, `close <code>`. */
export class Peer {
  readonly events: string[] = []
  readonly ended: Promise<unknown>
  readonly #socket: Socket
  readonly #deflate: boolean
  #rest: Buffer = Buffer.alloc(0)
  #chunks: Buffer[] = []
  #waiting = 0

  private constructor (socket: Socket, deflate: boolean) {
    this.#socket = socket
    this.#deflate = deflate
    this.ended = new Promise((resolve) => socket.once('close', resolve))
    socket.setNoDelay()
    socket.on('error', () => {})
  }

  static async open (port: number, deflate: boolean): Promise<Peer> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    const peer = new Peer(socket, deflate)
    const offer = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover'
    socket.write(handshake({ path: '/', headers: { 'sec-websocket-extensions': deflate ? offer : undefined } }))
    const [head] = await once(socket, 'data') as [Buffer]
    const end = head.indexOf('\r\n\r\n') + 4
    const answer = head.subarray(0, end).toString()
    if (!answer.startsWith('HTTP/1.1 101') || answer.includes('permessage-deflate') !== deflate) throw new Error(answer)
    socket.on('data', (chunk: Buffer) => peer.#receive(chunk))
    if (end < head.length) peer.#receive(head.subarray(end))
    return peer
  }

  /** Writes all at once, or in pieces of `chop` bytes, each as a write of its own. */
  async write (bytes: Buffer, chop = bytes.length): Promise<void> {
    for (let at = 0; at < bytes.length && this.#socket.writable; at += chop) {
      const isLast = at + chop >= bytes.length
      this.#socket.write(bytes.subarray(at, at + chop))
      if (!isLast) await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** Resolves after so many events, or when the connection is closed. */
  async received (count: number): Promise<void> {
    while (this.events.length < count && !this.#socket.destroyed) {
      await Promise.race([new Promise((resolve) => this.#socket.once('data', resolve)), this.ended])
    }
  }

  /** Waits until a whole frame can be there, so that a long one is put together once. */
  #receive (chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#waiting -= chunk.length
    if (this.#waiting > 0) return
    this.#rest = Buffer.concat([this.#rest, ...this.#chunks])
    this.#chunks = []
    while (this.#readFrame()) continue
  }

  #readFrame (): boolean {
    const bytes = this.#rest
    const short = bytes.length < 2 ? 0 : (bytes[1] as number) & 0x7f
    const start = short < 126 ? 2 : short === 126 ? 4 : 10
    if (bytes.length < start) return this.#wait(start)
    const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2))
    if (bytes.length < start + length) return this.#wait(start + length)
    this.#rest = bytes.subarray(start + length)
    const event = this.#describe(bytes[0] as number, bytes.subarray(start, start + length))
    if (event !== 'welcome') this.events.push(event)
    return true
  }

  #wait (bytes: number): false {
    this.#waiting = bytes - this.#rest.length
    return false
  }

  #describe (first: number, payload: Buffer): string {
    const opcode = first & 0x0f
    if (opcode === opcodes.pong) return `pong ${payload.toString('latin1')}`
    if (opcode === opcodes.close) {
      // The end of the closing handshake, where the server began it.
      if (this.#socket.writable) this.#socket.end(frame(payload, { opcode: opcodes.close }))
      return `close ${payload.length === 0 ? 'empty' : payload.readUInt16BE(0)}`
    }
    // RFC 7692 leaves it to the sender which messages it compresses.
    const isCompressed = this.#deflate && (first & 0x40) !== 0
    if ((first & ~0x40) !== (0x80 | opcodes.text)) return `opcode ${opcode}, first byte ${first}`
    const text = String(isCompressed ? inflateRawSync(Buffer.concat([payload, flushed]), syncFlush) : payload)
    const envelope = JSON.parse(text) as { type: string, payload: { text: string, code: string } }
    if (envelope.type === 'welcome') return 'welcome'
    return envelope.type === 'ack' ? `echo ${envelope.payload.text}` : `error ${envelope.payload.code}`
  }
}
