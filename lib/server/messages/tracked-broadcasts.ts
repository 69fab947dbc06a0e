import { isBehind, type ChannelPublisher, type NewEntry } from './channel-publisher.ts'
import { entryIdOf } from '../../protocol/position.ts'
import type { AppendOptions, Appended, BroadcastOptions } from '../history-types.ts'

/**
 * The broadcasts and appends of one handler, awaited before its message is acked. Persistent messages get ids made from
 * the message's own id and a number, so that a second run of the handler appends nothing twice.
 */
export class TrackedBroadcasts {
  /** The entries appended so far. */
  readonly appended: Appended[] = []
  readonly #publisher: ChannelPublisher
  readonly #messageId: string
  readonly #onAppended: NewEntry['onAppended']
  readonly #pending: Array<Promise<void>> = []
  readonly #failures: unknown[] = []
  #nextNumber = 0

  /** @param onAppended called with the offset of each entry, as soon as it is in the history */
  constructor (publisher: ChannelPublisher, messageId: string, onAppended: NewEntry['onAppended']) {
    this.#onAppended = onAppended
    this.#publisher = publisher
    this.#messageId = messageId
  }

  broadcast (type: string, payload: unknown, options: BroadcastOptions | undefined): Promise<Appended | void> {
    if (this.#publisher.isPersistent(type)) {
      const entry = this.#entry(this.#nextNumber++)
      return this.#track(this.#publisher.broadcast(type, payload, options, entry))
    }
    return this.#track(this.#publisher.broadcast(type, payload, options))
  }

  append (type: string, payload: unknown, options: AppendOptions): Promise<Appended> {
    const number = this.#nextNumber++
    const appending = this.#publisher.append(type, payload, options, this.#entry(number))
    return this.#track(appending, number)
  }

  /**
   * Resolves once all of them are done. Rejects when one failed, even if the handler ignored it, except with `Behind`:
   * such an append changed nothing.
   */
  async settled (): Promise<void> {
    for (const pending of this.#pending) await pending
    if (this.#failures.length > 0) throw this.#failures[0]
  }

  /** The returned promise never becomes an unhandled rejection, whether or not the handler awaits it. */
  #track<T extends Appended | void> (running: Promise<T>, number?: number): Promise<T> {
    this.#pending.push(running.then(
      (appended) => { if (appended) this.appended.push(appended) },
      (error) => {
        if (isBehind(error)) return this.#releaseNumber(number)
        this.#failures.push(error)
      }
    ))
    return running
  }

  #entry (number: number): NewEntry {
    return { id: entryIdOf(this.#messageId, number), onAppended: this.#onAppended }
  }

  /** The next append of the handler takes the number of one that was behind, as it would in a second run. */
  #releaseNumber (number: number | undefined): void {
    if (number !== undefined && this.#nextNumber === number + 1) this.#nextNumber = number
  }
}
