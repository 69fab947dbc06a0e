import type { Clock } from '../clock.ts'
import { Bucket } from './bucket.ts'
import type { Limits } from './limits.ts'

/** How fast one connection may send. */
export class Gate {
  readonly #messages: Bucket
  readonly #joins: Bucket
  readonly #bytes: Bucket

  constructor (limits: Limits, clock: Clock) {
    this.#messages = new Bucket(limits.messages, clock)
    this.#joins = new Bucket(limits.joins, clock)
    this.#bytes = new Bucket(limits.bytes, clock)
  }

  /** 0 when a message may pass, else after how many milliseconds to try again. */
  pass (type: string, bytes: number): number {
    const kind = type === 'join' || type === 'leave' ? this.#joins : this.#messages
    return kind.take() || this.#bytes.take(bytes)
  }
}
