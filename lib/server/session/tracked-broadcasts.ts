import { Behind } from '../../protocol/errors.ts'
import type { Appended } from '../implement.ts'

/**
 * What a handler broadcasts while it handles one message. Logged messages get ids made from the message's own and their number, so
 * that a second run of the handler appends nothing twice.
 */
export class TrackedBroadcasts {
  /** What is in the log. */
  readonly logged: Appended[] = []
  readonly #messageId: string
  readonly #pending: Array<Promise<void>> = []
  #begun = 0
  #failures: unknown[] = []

  constructor (messageId: string) {
    this.#messageId = messageId
  }

  /** `begin` asks for an id where it appends. What it rejects with is handled, whether or not the handler waits for it. */
  track (begin: (newId: () => string) => Promise<Appended | void>): Promise<Appended | void> {
    let number = NaN
    const outcome = begin(() => this.#id(number = this.#begun++))
    this.#pending.push(outcome.then(
      (logged) => { if (logged) this.logged.push(logged) },
      (error) => {
        if (error instanceof Behind) this.#giveBack(number)
        else this.#failures.push(error)
      }
    ))
    return outcome
  }

  /** Resolves once all that was begun is done; rejects when something failed, though the handler may have overlooked it. */
  async settled (): Promise<void> {
    for (const pending of this.#pending) await pending
    if (this.#failures.length > 0) throw this.#failures[0]
  }

  #id (number: number): string {
    return number === 0 ? this.#messageId : `${this.#messageId}:${number}`
  }

  /** An append that found the log ahead left nothing there: what the handler does next takes its number. */
  #giveBack (number: number): void {
    if (this.#begun === number + 1) this.#begun = number
  }
}
