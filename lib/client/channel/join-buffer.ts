import type { Clock, Timer } from '../../clock.ts'
import type { Envelope } from '../../protocol/envelope.ts'

/**
 * What follows the ack of a first join, until its caller can listen. The caller gets to know the channel only when its promise's
 * reactions run; by then `ws` may have handed us the next frames of the same chunk. So they wait for the next turn of the event loop.
 */
export class JoinBuffer {
  readonly #clock: Clock
  #held: Envelope[] | undefined
  #timer: Timer

  constructor (clock: Clock) {
    this.#clock = clock
  }

  /** From now until the next turn envelopes are held; then `take` gets them. */
  begin (take: (envelope: Envelope) => void): void {
    const held: Envelope[] = []
    this.#held = held
    this.#timer = this.#clock.setTimeout(() => {
      this.#held = undefined
      for (const envelope of held) take(envelope)
    }, 0)
  }

  /** Returns whether the envelope is held. */
  hold (envelope: Envelope): boolean {
    return this.#held?.push(envelope) !== undefined
  }

  /** Nothing that is held is wanted any more. */
  stop (): void {
    this.#clock.clearTimeout(this.#timer)
  }
}
