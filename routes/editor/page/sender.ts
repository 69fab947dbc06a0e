import type { Clock, Timer } from '../../clock.ts'
import type { Departing } from './draft.ts'

/** Milliseconds until a refused or lost edit is sent again. */
const again = 1_000

/** The outcome of sending an edit: accepted, refused for good, or not accepted now. */
export type Outcome = 'taken' | 'refused' | 'later'

export interface SenderEvents {
  /** The edit to send now, if there is one. */
  next (): Departing | undefined
  send (edit: Departing): Promise<Outcome>
  refused (): void
}

/** Sends one edit at a time until the server has accepted it. An accepted edit returns through the history. */
export class Sender {
  readonly #events: SenderEvents
  readonly #clock: Clock
  #isSending = false
  /** The last accepted edit. It is not sent again while its entry is on the way. */
  #taken = 0
  #retry: Timer

  constructor (events: SenderEvents, clock: Clock) {
    this.#events = events
    this.#clock = clock
  }

  /** Sends an edit if there is one to send. */
  flush (): void {
    const edit = this.#isSending ? undefined : this.#events.next()
    if (edit && edit.seq > this.#taken) this.#send(edit)
  }

  /** Reconnected: sends an accepted edit that did not return again. The server recognises it by its number. */
  reconnected (): void {
    this.#taken = 0
    this.flush()
  }

  async #send (edit: Departing): Promise<void> {
    this.#isSending = true
    this.#clock.clearTimeout(this.#retry)
    const outcome = await this.#events.send(edit)
    this.#isSending = false
    if (outcome === 'later') this.#retry = this.#clock.setTimeout(() => this.flush(), again)
    if (outcome === 'taken') this.#taken = edit.seq
    if (outcome === 'refused') this.#events.refused()
    if (outcome !== 'later') this.flush()
  }
}
