import { wholeOf, type EncodedMessage, type MessageParts } from '../../protocol/encoding.ts'
import type { ResyncSource } from '../../protocol/when-slow.ts'
import { encodeTextFrames, maxCopiedBytes } from './raw-frames.ts'

/** A message that waits. A large one may have parts, which are not copied: that took a seventh of a recovery. */
export type QueuedMessage = EncodedMessage | MessageParts

/**
 * A part keeps all the bytes that it is a share of, for as long as it waits: up to so many times its size. Without a
 * limit, a client that does not read kept 14 lists of 1 MiB by the last 36 KB of each.
 */
const maxKeptRatio = 4

/** The message in one piece where it is written with its neighbours, or where its parts would keep much more bytes. */
export function queueable (message: QueuedMessage): QueuedMessage {
  if (!('parts' in message) || message.length <= maxCopiedBytes) return wholeOf(message)
  const isShare = message.parts.some(({ buffer }) => buffer.byteLength > maxKeptRatio * message.length)
  return isShare ? wholeOf(message) : message
}

/**
 * An immutable list of messages that wait for one write. A broadcast adds the same message for one connection after
 * another. All of them share one list, so it is built once, and so are its WebSocket frames. A list object per
 * connection caused GC pauses of 5 to 15 ms every second (500 members, 100 messages a second).
 */
export class QueuedMessages {
  /** The empty list, from which every other one is built. */
  static readonly empty = new QueuedMessages(undefined, undefined, undefined, 0, 0)
  /** The total size of the encoded messages, without frame headers. */
  readonly bytes: number
  /** The size of the largest message. */
  readonly longest: number
  readonly #before: QueuedMessages | undefined
  readonly #last: QueuedMessage | undefined
  /** The `latest` key of the last message. */
  readonly #key: string | undefined
  #after: QueuedMessages | undefined
  #webSocketFrames: Buffer | undefined

  private constructor (
    before: QueuedMessages | undefined, last: QueuedMessage | undefined, key: string | undefined, bytes: number,
    longest: number
  ) {
    this.#before = before
    this.#last = last
    this.#key = key
    this.bytes = bytes
    this.longest = longest
  }

  /** This list and one more message. Adding the same message again returns the same object. */
  with (encoded: QueuedMessage, key?: string): QueuedMessages {
    if (!this.#after || this.#after.#last !== encoded) {
      const longest = Math.max(this.longest, encoded.length)
      this.#after = new QueuedMessages(this, encoded, key, this.bytes + encoded.length, longest)
    }
    return this.#after
  }

  /** This list without the messages that have the `latest` key. */
  without (key: string): QueuedMessages {
    const kept: QueuedMessages[] = []
    for (let list: QueuedMessages = this; list.#last; list = list.#before as QueuedMessages) {
      if (list.#key !== key) kept.push(list)
    }
    return kept.reduceRight((all, list) => all.with(list.#last as QueuedMessage, list.#key), QueuedMessages.empty)
  }

  get messages (): QueuedMessage[] {
    const all: QueuedMessage[] = []
    for (let list: QueuedMessages = this; list.#last; list = list.#before as QueuedMessages) all.push(list.#last)
    return all.reverse()
  }

  /** All messages as WebSocket frames in one buffer. None may have parts. */
  get webSocketFrames (): Buffer {
    this.#webSocketFrames ??= encodeTextFrames(this.messages as EncodedMessage[])
    return this.#webSocketFrames
  }
}

/** What messages have in common that are removed together: a `latest` key, or the history that they belong to. */
export type MessageGroup = string | ResyncSource

/**
 * The messages that wait for one write, in order. Those before the first message with a group are in the list that
 * connections share. That one and those after it are found by key, so that removing one of 10,000 waiting messages
 * looks at no other one.
 */
export class WaitingMessages {
  #shared = QueuedMessages.empty
  // An idle connection has neither map, because there are many of them.
  /** By `latest` key, or by a number for a message without one. */
  #removable: Map<string | number, QueuedMessage> | undefined
  #numbersOf: Map<ResyncSource, number[]> | undefined
  #removableBytes = 0
  #nextNumber = 0

  get bytes (): number {
    return this.#shared.bytes + this.#removableBytes
  }

  get isEmpty (): boolean {
    return this.bytes === 0
  }

  /** Whether some messages can be removed at little cost. */
  get hasRemovable (): boolean {
    return this.#removable !== undefined
  }

  /**
   * Adds a message. With a group, `removeGroup` can remove it, and a `latest` key has no other message there. With
   * `key` alone, `removeShared` can.
   */
  add (encoded: QueuedMessage, group?: MessageGroup, key?: string): void {
    if (group === undefined && !this.#removable) this.#shared = this.#shared.with(encoded, key)
    else this.#addRemovable(typeof group === 'string' ? group : this.#numberFor(group), encoded)
  }

  removeGroup (group: MessageGroup): void {
    if (typeof group === 'string') return this.#remove(group)
    for (const number of this.#numbersOf?.get(group) ?? []) this.#remove(number)
    this.#numbersOf?.delete(group)
  }

  /** Looks at every shared message, so it is for a queue that is full otherwise. */
  removeShared (key: string): void {
    this.#shared = this.#shared.without(key)
  }

  /** Returns all messages and forgets them. */
  takeAll (): QueuedMessages {
    let taken = this.#shared
    for (const encoded of this.#removable?.values() ?? []) taken = taken.with(encoded)
    this.clear()
    return taken
  }

  clear (): void {
    this.#shared = QueuedMessages.empty
    this.#removable = undefined
    this.#numbersOf = undefined
    this.#removableBytes = 0
  }

  #addRemovable (key: string | number, encoded: QueuedMessage): void {
    this.#removable ??= new Map()
    this.#removable.set(key, encoded)
    this.#removableBytes += encoded.length
  }

  #numberFor (source: ResyncSource | undefined): number {
    const number = this.#nextNumber++
    if (source === undefined) return number
    this.#numbersOf ??= new Map()
    const numbers = this.#numbersOf.get(source)
    if (numbers) numbers.push(number)
    else this.#numbersOf.set(source, [number])
    return number
  }

  #remove (key: string | number): void {
    this.#removableBytes -= this.#removable?.get(key)?.length ?? 0
    this.#removable?.delete(key)
  }
}
