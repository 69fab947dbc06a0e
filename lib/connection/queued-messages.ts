import type { EncodedMessage } from '../protocol/encoding.ts'
import type { ResyncSource } from '../protocol/when-slow.ts'
import { encodeTextFrames } from './raw-frames.ts'

/** A message that waits to be written, and the criteria by which it may be removed from the queue. */
export interface QueuedMessage {
  readonly encoded: EncodedMessage
  /** A later message with the same `latest` key may replace it. */
  readonly key: string | undefined
  /** The history that it belongs to. */
  readonly source: ResyncSource | undefined
}

/**
 * An immutable list of messages that wait for one write. A broadcast adds the same message for one connection after
 * another. All of them share one list, so it is built once, and so are its WebSocket frames. A list object per
 * connection caused GC pauses of 5 to 15 ms every second (500 members, 100 messages a second).
 */
export class QueuedMessages {
  /** The empty list, from which every other one is built. */
  static readonly empty = new QueuedMessages(undefined, undefined, 0, 0)
  /** The total size of the encoded messages, without frame headers. */
  readonly bytes: number
  /** The size of the largest message. */
  readonly longest: number
  readonly #before: QueuedMessages | undefined
  readonly #last: QueuedMessage | undefined
  #after: QueuedMessages | undefined
  #webSocketFrames: Buffer | undefined

  private constructor (
    before: QueuedMessages | undefined, last: QueuedMessage | undefined, bytes: number, longest: number
  ) {
    this.#before = before
    this.#last = last
    this.bytes = bytes
    this.longest = longest
  }

  /** This list and one more message. Adding the same message again returns the same object. */
  with (encoded: EncodedMessage, key?: string, source?: ResyncSource): QueuedMessages {
    const last = this.#after && this.#after.#last
    if (last?.encoded !== encoded || last.key !== key || last.source !== source) {
      const longest = Math.max(this.longest, encoded.length)
      this.#after = new QueuedMessages(this, { encoded, key, source }, this.bytes + encoded.length, longest)
    }
    return this.#after as QueuedMessages
  }

  /** This list without the messages that match. */
  without (matches: (queued: QueuedMessage) => boolean): QueuedMessages {
    const all = this.#toArray()
    if (!all.some(matches)) return this
    return all.filter((queued) => !matches(queued))
      .reduce((list: QueuedMessages, { encoded, key, source }) => list.with(encoded, key, source), QueuedMessages.empty)
  }

  get messages (): EncodedMessage[] {
    return this.#toArray().map(({ encoded }) => encoded)
  }

  /** All messages as WebSocket frames in one buffer. */
  get webSocketFrames (): Buffer {
    this.#webSocketFrames ??= encodeTextFrames(this.messages)
    return this.#webSocketFrames
  }

  #toArray (): QueuedMessage[] {
    const all: QueuedMessage[] = []
    for (let list: QueuedMessages = this; list.#last; list = list.#before as QueuedMessages) all.push(list.#last)
    return all.reverse()
  }
}
