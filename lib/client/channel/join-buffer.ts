import type { Clock, Timer } from '../../clock.ts'
import type { Envelope } from '../../protocol/envelope.ts'

/**
 * Holds the messages that follow the ack of a first join until the caller of `join` can add listeners. The caller gets
 * the channel when the reactions of its promise run, but `ws` may emit the next frames of the same chunk before that.
 * So the messages are held until a timer of 0 ms fires.
 */
export class JoinBuffer {
  readonly #clock: Clock
  readonly #deliver: (envelope: Envelope) => void
  #held: Envelope[] | undefined
  #timer: Timer

  constructor (clock: Clock, deliver: (envelope: Envelope) => void) {
    this.#clock = clock
    this.#deliver = deliver
  }

  /** Holds messages from now until the timer fires, then delivers them in order. */
  start (): void {
    const held: Envelope[] = []
    this.#held = held
    this.#timer = this.#clock.setTimeout(() => this.#flush(held), 0)
  }

  /** Delivers a message, now or when the timer fires. */
  receive (envelope: Envelope): void {
    if (this.#held) this.#held.push(envelope)
    else this.#deliver(envelope)
  }

  /** Discards the held messages, because the channel was left. */
  stop (): void {
    this.#clock.clearTimeout(this.#timer)
  }

  #flush (held: readonly Envelope[]): void {
    this.#held = undefined
    for (const envelope of held) this.#deliver(envelope)
  }
}
