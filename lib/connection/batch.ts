import type { Frame, Stream } from '../protocol/frame.ts'
import { textFrames } from './text-frames.ts'

/** A frame that waits to be written, with what may take it out of the queue again. */
export interface Waiting {
  readonly frame: Frame
  /** The `latest` that may take its place. */
  readonly key: string | undefined
  /** The log that it belongs to. */
  readonly stream: Stream | undefined
}

/**
 * Frames that wait for one write, never changed. A broadcast adds the same frames for one connection after another, and those get the same batch: it
 * is made once, and its bytes as well. Objects of each connection's own made so much garbage that V8 put it straight into its old space, and stopped
 * the node for 5 to 15 ms every second to collect it there (500 members, 100 messages a second).
 */
export class Batch {
  /** Nothing: what every other one begins with. */
  static readonly empty = new Batch(undefined, undefined, 0, 0)
  /** Of all frames together, as they were given. */
  readonly bytes: number
  /** Of the longest frame. */
  readonly longest: number
  readonly #before: Batch | undefined
  readonly #last: Waiting | undefined
  #after: Batch | undefined
  #piece: Buffer | undefined

  private constructor (before: Batch | undefined, last: Waiting | undefined, bytes: number, longest: number) {
    this.#before = before
    this.#last = last
    this.bytes = bytes
    this.longest = longest
  }

  /** This and one frame more: the same object for who adds what was added here last. */
  with (frame: Frame, key?: string, stream?: Stream): Batch {
    const last = this.#after && this.#after.#last
    if (last?.frame !== frame || last.key !== key || last.stream !== stream) {
      this.#after = new Batch(this, { frame, key, stream }, this.bytes + frame.length, Math.max(this.longest, frame.length))
    }
    return this.#after as Batch
  }

  without (isGone: (waiting: Waiting) => boolean): Batch {
    const all = this.#all()
    if (!all.some(isGone)) return this
    return all.filter((waiting) => !isGone(waiting)).reduce((batch: Batch, { frame, key, stream }) => batch.with(frame, key, stream), Batch.empty)
  }

  get frames (): Frame[] {
    return this.#all().map(({ frame }) => frame)
  }

  /** All of it as WebSocket frames. */
  get piece (): Buffer {
    this.#piece ??= textFrames(this.frames)
    return this.#piece
  }

  #all (): Waiting[] {
    const all: Waiting[] = []
    for (let batch: Batch = this; batch.#last; batch = batch.#before as Batch) all.push(batch.#last)
    return all.reverse()
  }
}
