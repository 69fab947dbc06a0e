import type { Socket } from 'node:net'
import { AdapterUnavailable } from '../../cluster/adapter.ts'
import { encodePacket, PacketReader, type Packet } from './packets.ts'

/** The hub has ended, with or without having carried the request out. */
export class HubGone extends AdapterUnavailable {}

interface PendingRequest {
  readonly resolve: (answer: Packet) => void
  readonly reject: (error: Error) => void
  /** The last tick at which it may be unanswered. */
  readonly deadline: number
}

export interface PacketSocketEvents {
  /** The other side is alive. */
  heard (): void
  /** Every packet except answers. */
  packet (packet: Packet): void
  /** Bytes that no process of this version sends. The connection is closed. */
  malformed (): void
  /** The other side has taken everything. */
  drained? (): void
  closed (): void
}

/** Packets over one Unix socket, in both directions. All packets of one event-loop turn leave in one write. */
export class PacketSocket {
  readonly #socket: Socket
  readonly #reader = new PacketReader()
  readonly #pending = new Map<number, PendingRequest>()
  #queue: Buffer[] = []
  #queuedBytes = 0
  #lastId = 0
  #tick = 0
  #isClosed = false

  constructor (socket: Socket, events: PacketSocketEvents) {
    this.#socket = socket
    socket.on('data', (chunk) => this.#receive(chunk, events))
    socket.on('drain', () => events.drained?.())
    // The event 'close' follows.
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#isClosed = true
      for (const { reject } of this.#pending.values()) reject(new HubGone('the hub is gone'))
      this.#pending.clear()
      events.closed()
    })
  }

  /** Bytes that the other side has not taken yet. */
  get unsentBytes (): number {
    return this.#queuedBytes + this.#socket.writableLength
  }

  send (bytes: Buffer): void {
    if (this.#isClosed) return
    if (this.#queue.length === 0) setImmediate(() => this.#flush())
    this.#queue.push(bytes)
    this.#queuedBytes += bytes.length
  }

  /** Rejects when the answer is a failure, or does not come within so many calls of `tick`. */
  request (head: unknown, parts: readonly Buffer[], ticks: number): Promise<Packet> {
    if (this.#isClosed) return Promise.reject(new HubGone('the hub is gone'))
    const id = this.#lastId = this.#lastId % 0xffff_ffff + 1
    this.send(encodePacket('request', id, head, parts))
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, deadline: this.#tick + ticks })
    })
  }

  /** Time passes: requests without an answer end. One coarse timer serves all of them. */
  tick (): void {
    this.#tick++
    for (const [id, { reject, deadline }] of this.#pending) {
      if (deadline > this.#tick) continue
      this.#pending.delete(id)
      reject(new AdapterUnavailable('no answer in time'))
    }
  }

  /** Closes the connection after everything that was sent. Resolves once it is closed. */
  async end (): Promise<void> {
    if (this.#isClosed) return
    this.#flush()
    await new Promise((resolve) => this.#socket.once('close', resolve).end())
  }

  destroy (): void {
    this.#socket.destroy()
  }

  #flush (): void {
    if (this.#queue.length === 0) return
    const [first] = this.#queue as [Buffer]
    this.#socket.write(this.#queue.length === 1 ? first : Buffer.concat(this.#queue))
    this.#queue = []
    this.#queuedBytes = 0
  }

  #receive (chunk: Buffer, events: PacketSocketEvents): void {
    events.heard()
    try {
      for (const packet of this.#reader.read(chunk)) {
        if (this.#socket.destroyed) return
        if (packet.id === 0 || packet.kind === 'request') events.packet(packet)
        else this.#settle(packet)
      }
    } catch {
      events.malformed()
      this.destroy()
    }
  }

  /** An answer that came too late is ignored. */
  #settle (packet: Packet): void {
    const pending = this.#pending.get(packet.id)
    this.#pending.delete(packet.id)
    if (packet.kind === 'answer') pending?.resolve(packet)
    else pending?.reject(new Error(String(packet.head)))
  }
}
