import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import type { EncodedMessage, ResyncSource, WhenSlow } from '../protocol/encoding.ts'
import { QueuedMessages, type QueuedMessage } from './queued-messages.ts'
import { isSenderIdle, maxCopiedBytes } from './raw-frames.ts'

/** Writes what was pushed during one turn of the event loop at its end, so that a connection costs one system call a turn. */
export class Flusher {
  #dirty: SendQueue[] = []
  readonly #schedule: (fn: () => void) => void

  constructor (schedule: (fn: () => void) => void = setImmediate) {
    this.#schedule = schedule
  }

  schedule (outbox: SendQueue): void {
    if (this.#dirty.push(outbox) === 1) this.#schedule(() => this.#flush())
  }

  #flush (): void {
    const dirty = this.#dirty
    this.#dirty = []
    for (const outbox of dirty) outbox.flush()
  }
}

const text = { binary: false, compress: false }

/**
 * The outgoing side of one connection. Frames leave in the order given, in one write for each turn. While a write is
 * unfinished, because the peer reads too slowly, frames wait here: counted by us, since a socket's `bufferedAmount` knows
 * nothing of what the objects around the bytes cost.
 */
export class SendQueue {
  readonly #webSocket: WebSocket
  readonly #transport: Socket
  readonly #flusher: Flusher
  readonly #limit: number
  readonly #owner: string
  /** Logs of which something was left out: nothing more of them is sent until their `resync`. */
  readonly #skipping = new Set<ResyncSource>()
  #waiting = QueuedMessages.empty
  #writing = 0
  readonly #whenWritten = () => this.#written()

  /** `owner`: the id by which streams know the connection. */
  constructor (webSocket: WebSocket, transport: Socket, flusher: Flusher, limit: number, owner: string) {
    this.#webSocket = webSocket
    this.#transport = transport
    this.#flusher = flusher
    this.#limit = limit
    this.#owner = owner
  }

  /** Bytes that are not on their way yet. */
  get size (): number {
    return this.#waiting.bytes + this.#writing
  }

  /** False when the frame would make the queue too long: it is not in it then. */
  push (frame: EncodedMessage, whenSlow?: WhenSlow, stream?: ResyncSource): boolean {
    const isSlow = this.#writing > 0
    if ((isSlow && whenSlow === 'drop') || (stream && this.#skipping.has(stream))) return true
    if (isSlow && whenSlow === 'skip' && stream) return this.#skip(stream)
    const key = typeof whenSlow === 'object' ? whenSlow.latest : undefined
    if (isSlow && key !== undefined) this.#remove((waiting) => waiting.key === key)
    if (this.size + frame.length > this.#limit) return false
    this.#add(frame, key, stream)
    return true
  }

  /** A frame that may be larger than the limit, such as a replay; false when the queue is too long already. */
  pushBeyondLimit (frame: EncodedMessage): boolean {
    if (this.size > this.#limit) return false
    this.#add(frame)
    return true
  }

  /** Writes what waits, unless a write is unfinished: its end does it then. */
  flush (): void {
    if (this.#writing > 0 || this.#waiting === QueuedMessages.empty) return
    const batch = this.#take()
    if (batch.longest <= maxCopiedBytes && isSenderIdle(this.#webSocket)) this.#transport.write(batch.webSocketFrames, this.#whenWritten)
    else this.#send(batch.messages)
  }

  #send (frames: readonly EncodedMessage[]): void {
    this.#transport.cork()
    for (const frame of frames.slice(0, -1)) this.#webSocket.send(frame, text)
    this.#webSocket.send(frames.at(-1) as EncodedMessage, text, this.#whenWritten)
    this.#transport.uncork()
  }

  /** Writes what waits even so: the close comes behind it. */
  flushBeforeClose (): void {
    for (const frame of this.#take().messages) this.#webSocket.send(frame, text)
  }

  /** Forgets what waits: nobody will read it. */
  clear (): void {
    this.#waiting = QueuedMessages.empty
  }

  #take (): QueuedMessages {
    const taken = this.#waiting
    this.#writing += taken.bytes
    this.clear()
    return taken
  }

  #add (frame: EncodedMessage, key?: string, stream?: ResyncSource): void {
    if (this.#waiting === QueuedMessages.empty && this.#writing === 0) this.#flusher.schedule(this)
    this.#waiting = this.#waiting.with(frame, key, stream)
  }

  #written (): void {
    this.#writing = 0
    for (const stream of this.#skipping) this.#resync(stream)
    this.flush()
  }

  #skip (stream: ResyncSource): true {
    this.#remove((waiting) => waiting.source === stream)
    this.#skipping.add(stream)
    return true
  }

  #resync (stream: ResyncSource): void {
    this.#skipping.delete(stream)
    const frame = stream.resync(this.#owner)
    if (frame) this.#add(frame, undefined, stream)
  }

  #remove (isGone: (waiting: QueuedMessage) => boolean): void {
    this.#waiting = this.#waiting.without(isGone)
  }
}
