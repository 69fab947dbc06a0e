import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import type { EncodedMessage } from '../protocol/encoding.ts'
import type { ResyncSource, WhenSlow } from '../protocol/when-slow.ts'
import { QueuedMessages, type QueuedMessage } from './queued-messages.ts'
import { isSenderIdle, maxCopiedBytes } from './raw-frames.ts'

/**
 * Writes the queued messages of all connections once per event-loop iteration, so that each connection costs one system
 * call per iteration.
 */
export class Flusher {
  #dirty: SendQueue[] = []
  readonly #schedule: (fn: () => void) => void

  constructor (schedule: (fn: () => void) => void = setImmediate) {
    this.#schedule = schedule
  }

  schedule (queue: SendQueue): void {
    if (this.#dirty.push(queue) === 1) this.#schedule(() => this.#flush())
  }

  #flush (): void {
    const dirty = this.#dirty
    this.#dirty = []
    for (const queue of dirty) queue.flush()
  }
}

const textOptions = { binary: false, compress: false }

/**
 * The outgoing side of one connection. Messages leave in order, in one write per event-loop iteration. While a write is
 * unfinished because the peer reads too slowly, messages wait here. Their bytes are counted here, because the socket's
 * `bufferedAmount` ignores the memory of the objects around the bytes.
 */
export class SendQueue {
  readonly #webSocket: WebSocket
  readonly #transport: Socket
  readonly #flusher: Flusher
  readonly #limit: number
  readonly #connectionId: string
  /** Histories with a skipped message. None of their messages is sent before their `resync`. */
  readonly #skipping = new Set<ResyncSource>()
  #waiting = QueuedMessages.empty
  #writing = 0
  readonly #onWritten = () => this.#finishWrite()

  /** `limit` in bytes. */
  constructor (webSocket: WebSocket, transport: Socket, flusher: Flusher, limit: number, connectionId: string) {
    this.#webSocket = webSocket
    this.#transport = transport
    this.#flusher = flusher
    this.#limit = limit
    this.#connectionId = connectionId
  }

  /** Bytes that wait or are being written. */
  get size (): number {
    return this.#waiting.bytes + this.#writing
  }

  /** Returns false, and does not queue the message, when it would exceed the limit. */
  push (encoded: EncodedMessage, whenSlow?: WhenSlow, source?: ResyncSource): boolean {
    const isSlow = this.#writing > 0
    if ((isSlow && whenSlow === 'drop') || (source && this.#skipping.has(source))) return true
    if (isSlow && whenSlow === 'skip' && source) return this.#skip(source)
    const key = typeof whenSlow === 'object' ? whenSlow.latest : undefined
    if (isSlow && key !== undefined) this.#remove((queued) => queued.key === key)
    if (this.size + encoded.length > this.#limit) return false
    this.#add(encoded, key, source)
    return true
  }

  /** For one message that may be larger than the limit; returns false when the queue exceeds the limit already. */
  pushBeyondLimit (encoded: EncodedMessage): boolean {
    if (this.size > this.#limit) return false
    this.#add(encoded)
    return true
  }

  /** Writes the waiting messages. While a write is unfinished, they wait for its end. */
  flush (): void {
    if (this.#writing > 0 || this.#waiting === QueuedMessages.empty) return
    const queued = this.#dequeueAll()
    if (queued.longest <= maxCopiedBytes && isSenderIdle(this.#webSocket)) {
      this.#transport.write(queued.webSocketFrames, this.#onWritten)
    } else this.#sendThroughWs(queued.messages)
  }

  #sendThroughWs (messages: readonly EncodedMessage[]): void {
    this.#transport.cork()
    for (const encoded of messages.slice(0, -1)) this.#webSocket.send(encoded, textOptions)
    this.#webSocket.send(messages.at(-1) as EncodedMessage, textOptions, this.#onWritten)
    this.#transport.uncork()
  }

  /** Hands the waiting messages to `ws` even while a write is unfinished, so that the close frame follows them. */
  flushBeforeClose (): void {
    for (const encoded of this.#dequeueAll().messages) this.#webSocket.send(encoded, textOptions)
  }

  /** Discards the waiting messages. */
  clear (): void {
    this.#waiting = QueuedMessages.empty
  }

  #dequeueAll (): QueuedMessages {
    const dequeued = this.#waiting
    this.#writing += dequeued.bytes
    this.clear()
    return dequeued
  }

  #add (encoded: EncodedMessage, key?: string, source?: ResyncSource): void {
    if (this.#waiting === QueuedMessages.empty && this.#writing === 0) this.#flusher.schedule(this)
    this.#waiting = this.#waiting.with(encoded, key, source)
  }

  #finishWrite (): void {
    this.#writing = 0
    for (const source of this.#skipping) this.#resync(source)
    this.flush()
  }

  #skip (source: ResyncSource): true {
    this.#remove((queued) => queued.source === source)
    this.#skipping.add(source)
    return true
  }

  #resync (source: ResyncSource): void {
    this.#skipping.delete(source)
    const encoded = source.resync(this.#connectionId)
    if (encoded) this.#add(encoded, undefined, source)
  }

  #remove (matches: (queued: QueuedMessage) => boolean): void {
    this.#waiting = this.#waiting.without(matches)
  }
}
