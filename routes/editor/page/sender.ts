import type { Clock, Timer } from '../../clock.ts'
import type { Departing } from './draft.ts'

/** Milliseconds until an edit is sent again that the server could not take. */
const again = 1_000

/** What became of an edit: taken; refused, as it will be each time; or not taken now. */
export type Outcome = 'taken' | 'refused' | 'later'

export interface SenderEvents {
  /** The edit to send now, if there is one. */
  next (): Departing | undefined
  send (edit: Departing): Promise<Outcome>
  refused (): void
}

/** Sends one edit at a time, each until the server has taken it. What it has taken comes back in the log. */
export class Sender {
  readonly #events: SenderEvents
  readonly #clock: Clock
  #isSending = false
  /** The last one taken: not sent again while it is on its way back. */
  #taken = 0
  #retry: Timer

  constructor (events: SenderEvents, clock: Clock) {
    this.#events = events
    this.#clock = clock
  }

  /** There may be something to send. */
  flush (): void {
    const edit = this.#isSending ? undefined : this.#events.next()
    if (edit && edit.seq > this.#taken) this.#send(edit)
  }

  /**
   * Connected again: what was taken and has not come back is sent again, and known by its number if it is in the log.
   */
  anew (): void {
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
