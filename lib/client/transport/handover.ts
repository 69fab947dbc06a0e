import type { Clock, Timer } from '../../clock.ts'
import { numberOf } from './read-envelope.ts'

/** What a drain needs of its surroundings. */
export interface HandoverDeps {
  readonly clock: Clock
  readonly random: () => number
}

/**
 * The server is going away, and asks for another connection within a time: each client takes a random part of it, so that they do
 * not all go to the next server at once.
 */
export class Handover {
  readonly #setup: HandoverDeps
  readonly #moveOn: () => void
  #timer: Timer

  constructor (setup: HandoverDeps, moveOn: () => void) {
    this.#setup = setup
    this.#moveOn = moveOn
  }

  /** Takes the payload of a `reconnect`; the latest counts. */
  begin (payload: unknown): void {
    this.stop()
    const delay = numberOf(payload, 'delay') ?? 0
    this.#timer = this.#setup.clock.setTimeout(this.#moveOn, this.#setup.random() * delay)
  }

  stop (): void {
    this.#setup.clock.clearTimeout(this.#timer)
  }
}
