import type { EncodedMessage } from '../../protocol/encoding.ts'
import type { ResyncReason } from '../../protocol/recoverability.ts'
import type { PageSource, ResyncSource } from '../../protocol/when-slow.ts'

/** The connection that gets the messages. */
export interface Recipient {
  readonly id: string
  countSent (bytes: number): boolean
}

/**
 * The large messages to one connection: acks of joins, `resync`, pages of lists. One of them may wait beyond the limit
 * of the queue, and those of one write may be written beyond it. The other ones are made when they can be written, so a
 * connection that reads slowly in many channels does not hold all of them.
 */
export class Recoveries {
  /** The size of the one that waits beyond the limit; 0 for none. */
  waiting = 0
  /** The size of those that are being written beyond the limit. */
  writing = 0
  readonly #recipient: Recipient
  // An idle connection has none of these, because there are many of them.
  /** Histories that start again, with the reason. */
  #resyncs: Map<ResyncSource, ResyncReason> | undefined
  #pageSources: Set<PageSource> | undefined
  #taken: Array<() => void> | undefined

  constructor (recipient: Recipient) {
    this.#recipient = recipient
  }

  addResync (source: ResyncSource, reason: ResyncReason): void {
    this.#resyncs ??= new Map()
    this.#resyncs.set(source, reason)
  }

  hasResync (source: ResyncSource): boolean {
    return this.#resyncs?.has(source) ?? false
  }

  addPages (source: PageSource): void {
    this.#pageSources ??= new Set()
    this.#pageSources.add(source)
  }

  /** The next message, made now, unless one waits already. Pages come first, because they have an end. */
  make (): EncodedMessage | undefined {
    if (this.waiting > 0) return undefined
    const encoded = this.#nextPage() ?? this.#nextResync()
    if (!encoded) return undefined
    this.waiting = encoded.length
    this.#recipient.countSent(encoded.length)
    return encoded
  }

  /** Resolves when the one that waits is written or discarded; undefined when none waits. */
  get whenTaken (): Promise<void> | undefined {
    if (this.waiting === 0) return undefined
    return new Promise((resolve) => { this.#taken = [...this.#taken ?? [], resolve] })
  }

  /** The one that waits is being written. */
  beginWrite (): void {
    this.writing += this.waiting
    this.#free()
  }

  endWrite (): void {
    this.writing = 0
  }

  /** Forgets what was not made yet, and the one that waits. */
  clear (): void {
    this.#resyncs = undefined
    this.#pageSources = undefined
    this.#free()
  }

  #free (): void {
    this.waiting = 0
    for (const resolve of this.#taken ?? []) resolve()
    this.#taken = undefined
  }

  #nextPage (): EncodedMessage | undefined {
    for (const source of this.#pageSources ?? []) {
      const encoded = source.nextPage(this.#recipient.id)
      if (encoded) return encoded
      this.#pageSources?.delete(source)
    }
  }

  /** That of the next connection which is still in the room. */
  #nextResync (): EncodedMessage | undefined {
    for (const [source, reason] of this.#resyncs ?? []) {
      this.#resyncs?.delete(source)
      const encoded = source.resync(this.#recipient.id, reason)
      if (encoded) return encoded
    }
  }
}
