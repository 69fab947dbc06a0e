import type { Clock, Timer } from '../../clock.ts'
import { numberOf } from './read-envelope.ts'

export interface HandoverDeps {
  readonly clock: Clock
  readonly random: () => number
}

/**
 * The change to another connection when the server drains. Each client waits a random part of the time that the server
 * allows, so that the clients do not connect to the next server all at once.
 */
export class Handover {
  readonly #deps: HandoverDeps
  readonly #reconnect: () => void
  #timer: Timer

  constructor (deps: HandoverDeps, reconnect: () => void) {
    this.#deps = deps
    this.#reconnect = reconnect
  }

  /** Takes the payload of a `reconnect` message. A later one replaces an earlier one. */
  schedule (payload: unknown): void {
    this.stop()
    const delayMs = numberOf(payload, 'delay') ?? 0
    this.#timer = this.#deps.clock.setTimeout(this.#reconnect, this.#deps.random() * delayMs)
  }

  stop (): void {
    this.#deps.clock.clearTimeout(this.#timer)
  }
}
