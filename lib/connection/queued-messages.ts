import type { EncodedMessage, ResyncSource } from '../protocol/encoding.ts'
import { encodeTextFrames } from './raw-frames.ts'

/** A frame that waits to be written, with what may take it out of the queue again. */
export interface QueuedMessage {
  readonly encoded: EncodedMessage
  /** The `latest` that may take its place. */
  readonly key: string | undefined
  /** The log that it belongs to. */
  readonly source: ResyncSource | undefined
}

/**
 * Frames that wait for one write, never changed. A broadcast adds the same frames for one connection after another, and those get the same batch: it
 * is made once, and its bytes as well. Objects of each connection's own made so much garbage that V8 put it straight into its old space, and stopped
 * the node for 5 to 15 ms every second to collect it there (500 members, 100 messages a second).
 */
export class QueuedMessages {
  /** Nothing: what every other one begins with. */
  static readonly empty = new QueuedMessages(undefined, undefined, 0, 0)
  /** Of all frames together, as they were given. */
  readonly bytes: number
  /** Of the longest frame. */
  readonly longest: number
  readonly #before: QueuedMessages | undefined
  readonly #last: QueuedMessage | undefined
  #after: QueuedMessages | undefined
  #piece: Buffer | undefined

  private constructor (before: QueuedMessages | undefined, last: QueuedMessage | undefined, bytes: number, longest: number) {
    this.#before = before
    this.#last = last
    this.bytes = bytes
    this.longest = longest
  }

  /** This and one frame more: the same object for who adds what was added here last. */
  with (frame: EncodedMessage, key?: string, stream?: ResyncSource): QueuedMessages {
    const last = this.#after && this.#after.#last
    if (last?.encoded !== frame || last.key !== key || last.source !== stream) {
      this.#after = new QueuedMessages(this, { encoded: frame, key, source: stream }, this.bytes + frame.length, Math.max(this.longest, frame.length))
    }
    return this.#after as QueuedMessages
  }

  without (isGone: (waiting: QueuedMessage) => boolean): QueuedMessages {
    const all = this.#all()
    if (!all.some(isGone)) return this
    return all.filter((waiting) => !isGone(waiting)).reduce((batch: QueuedMessages, { encoded: frame, key, source: stream }) => batch.with(frame, key, stream), QueuedMessages.empty)
  }

  get messages (): EncodedMessage[] {
    return this.#all().map(({ encoded: frame }) => frame)
  }

  /** All of it as WebSocket frames. */
  get webSocketFrames (): Buffer {
    this.#piece ??= encodeTextFrames(this.messages)
    return this.#piece
  }

  #all (): QueuedMessage[] {
    const all: QueuedMessage[] = []
    for (let batch: QueuedMessages = this; batch.#last; batch = batch.#before as QueuedMessages) all.push(batch.#last)
    return all.reverse()
  }
}
