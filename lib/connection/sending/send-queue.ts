import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import { wholeOf, type EncodedMessage } from '../../protocol/encoding.ts'
import type { ResyncReason } from '../../protocol/recoverability.ts'
import type { PageSource, ResyncSource, WhenSlow } from '../../protocol/when-slow.ts'
import type { Flusher } from './flusher.ts'
import { queueable, WaitingMessages } from './queued-messages.ts'
import type { MessageGroup, QueuedMessage, QueuedMessages } from './queued-messages.ts'
import { isSenderIdle, maxCopiedBytes, textFrameHeader } from './raw-frames.ts'
import { Recoveries, type Recipient } from './recoveries.ts'

/** Its callback tells when the writes before it are finished. */
const nothing = Buffer.alloc(0)
const textOptions = { binary: false, compress: false }

/**
 * The outgoing side of one connection. Messages leave in order, in one write per event-loop iteration. While a write is
 * unfinished because the peer reads too slowly, messages wait here. Their bytes are counted here, because the socket's
 * `bufferedAmount` ignores the memory of the objects around the bytes.
 *
 * The limit holds for everything but recoveries, which may be as large as the limit itself. At most one recovery is
 * being written and one waits beyond the limit, so a connection never holds more than the limit and two recoveries.
 */
export class SendQueue {
  readonly #webSocket: WebSocket
  readonly #transport: Socket
  readonly #flusher: Flusher
  readonly #limit: number
  readonly #waiting = new WaitingMessages()
  readonly #recipient: Recipient
  /** None of the messages of a history is sent before its `resync`. Undefined until the first of them. */
  #recoveries: Recoveries | undefined
  #writing = 0
  /** Whether a write was not finished at once, as it is never with TLS. */
  #isSlow = false
  #isScheduled = false
  readonly #onWritten = () => this.#finishWrite()

  /** `limit` in bytes. */
  constructor (webSocket: WebSocket, transport: Socket, flusher: Flusher, limit: number, recipient: Recipient) {
    this.#webSocket = webSocket
    this.#transport = transport
    this.#flusher = flusher
    this.#limit = limit
    this.#recipient = recipient
  }

  /** Bytes that wait or are being written. */
  get size (): number {
    return this.#waiting.bytes + this.#writing
  }

  /** Returns false, and does not queue the message, when it would exceed the limit. */
  push (encoded: EncodedMessage, whenSlow?: WhenSlow, source?: ResyncSource): boolean {
    const isSlow = this.#isSlowFor(encoded)
    if ((isSlow && whenSlow === 'drop') || (source && this.#recoveries?.hasResync(source))) return true
    if (isSlow && whenSlow === 'skip' && source) {
      this.resync(source, 'slow')
      return true
    }
    const key = typeof whenSlow === 'object' ? whenSlow.latest : undefined
    const isReplacing = key !== undefined && (isSlow || this.#waiting.hasRemovable)
    if (isReplacing) this.#waiting.removeGroup(key)
    if (key !== undefined && !this.#hasRoomFor(encoded)) this.#waiting.removeShared(key)
    if (!this.#hasRoomFor(encoded)) return false
    this.#add(encoded, isReplacing ? key : isSlow ? source : undefined, key)
    return true
  }

  /**
   * For a message that may be larger than the limit. It is beyond the limit when it would leave less than half of it to
   * other messages. Returns false when the queue exceeds the limit already.
   */
  pushRecovery (encoded: QueuedMessage): boolean {
    if (this.#limitedBytes > this.#limit) return false
    const isLarge = this.#limitedBytes + encoded.length > this.#limit / 2
    if (isLarge) this.#someRecoveries().waiting ||= encoded.length
    this.#add(queueable(encoded))
    return true
  }

  /** Resolves when the large message that waits is being written; undefined when none waits. */
  get whenRecoveryTaken (): Promise<void> | undefined {
    return this.#recoveries?.whenTaken
  }

  /**
   * Leaves out the waiting messages of a history and queues its `resync`. That message is made when it can be written,
   * one at a time, so that a client that reads slowly in many channels does not receive all of their histories at once.
   */
  resync (source: ResyncSource, reason: ResyncReason): void {
    this.#waiting.removeGroup(source)
    this.#someRecoveries().addResync(source, reason)
    this.#schedule()
  }

  /** Queues the pages of a list. Each is made when it can be written, like a `resync`, so only one of them waits. */
  sendPages (source: PageSource): void {
    this.#someRecoveries().addPages(source)
    this.#schedule()
  }

  /** Writes the waiting messages. While a write is unfinished, they wait for its end. */
  flush (): void {
    this.#isScheduled = false
    if (this.#writing > 0) return
    const recovery = this.#recoveries?.make()
    if (recovery) this.#waiting.add(recovery)
    if (this.#waiting.isEmpty) return
    const queued = this.#dequeueAll()
    if (queued.longest > maxCopiedBytes || !isSenderIdle(this.#webSocket)) this.#sendSeparately(queued.messages)
    else this.#writeFrames(queued.webSocketFrames)
  }

  /** Most writes are finished when they return. Without a callback they take 5 % less CPU time. */
  #writeFrames (frames: Buffer): void {
    const transport = this.#transport
    const isAlone = !this.#isSlow && !this.#recoveries && transport.writableLength === 0
    transport.write(frames, isAlone ? undefined : this.#onWritten)
    if (!isAlone) return
    this.#isSlow = transport.writableLength > 0
    if (this.#isSlow) transport.write(nothing, this.#onWritten)
    else this.#writing = 0
  }

  #sendSeparately (messages: readonly QueuedMessage[]): void {
    this.#transport.cork()
    for (const encoded of messages.slice(0, -1)) this.#sendOne(encoded)
    this.#sendOne(messages.at(-1) as QueuedMessage, this.#onWritten)
    this.#transport.uncork()
  }

  #sendOne (message: QueuedMessage, written?: () => void): void {
    if (!('parts' in message) || !isSenderIdle(this.#webSocket)) {
      return this.#webSocket.send(wholeOf(message), textOptions, written)
    }
    this.#transport.write(textFrameHeader(message.length))
    for (const part of message.parts.slice(0, -1)) this.#transport.write(part)
    this.#transport.write(message.parts.at(-1) as Buffer, written)
  }

  /** Hands the waiting messages to `ws` even while a write is unfinished, so that the close frame follows them. */
  flushBeforeClose (): void {
    for (const message of this.#dequeueAll().messages) this.#webSocket.send(wholeOf(message), textOptions)
    this.#recoveries?.clear()
  }

  /** Discards the waiting messages, as when nothing can be written any more. */
  clear (): void {
    this.#waiting.clear()
    this.#recoveries?.clear()
  }

  /**
   * A write is unfinished, or so much was queued within this iteration of the event loop that only half of the limit is
   * left: that half is for messages that have to wait.
   */
  #isSlowFor (encoded: EncodedMessage): boolean {
    const queued = this.#limitedBytes
    return this.#writing > 0 || queued + encoded.length > (queued > 0 ? this.#limit / 2 : this.#limit)
  }

  #hasRoomFor (encoded: EncodedMessage): boolean {
    return this.#limitedBytes + encoded.length <= this.#limit
  }

  /** The bytes to which the limit applies. */
  get #limitedBytes (): number {
    return this.#recoveries ? this.size - this.#recoveries.writing - this.#recoveries.waiting : this.size
  }

  #someRecoveries (): Recoveries {
    this.#recoveries ??= new Recoveries(this.#recipient)
    return this.#recoveries
  }

  #dequeueAll (): QueuedMessages {
    const dequeued = this.#waiting.takeAll()
    this.#writing += dequeued.bytes
    this.#recoveries?.beginWrite()
    return dequeued
  }

  #add (encoded: QueuedMessage, group?: MessageGroup, key?: string): void {
    this.#waiting.add(encoded, group, key)
    this.#schedule()
  }

  #schedule (): void {
    if (this.#isScheduled || this.#writing > 0) return
    this.#isScheduled = true
    this.#flusher.schedule(this)
  }

  #finishWrite (): void {
    this.#writing = 0
    this.#recoveries?.endWrite()
    this.flush()
  }
}
