import { monotonic, type Clock, type Timer } from '../clock.ts'
import { refusal } from '../protocol/errors.ts'

/**
 * The timeout of the handlers of all sessions of a node, and of the other functions that a session calls. All have the
 * same time, so they end in the order in which they began, and the timer of the oldest one serves all of them. A timer
 * for each message was a tenth of what a message with an asynchronous handler costs.
 */
export class HandlerTimeouts {
  readonly #clock: Clock
  readonly #now: () => number
  readonly #timeoutMs: number
  /** How each of them ends, with the time at which it does. */
  readonly #running = new Map<() => void, number>()
  #timer: Timer

  /** @param timeoutMs in milliseconds */
  constructor (clock: Clock, timeoutMs: number) {
    this.#clock = clock
    this.#now = monotonic(clock)
    this.#timeoutMs = timeoutMs
  }

  /**
   * Settles as `running` does, or rejects with `timeout`. A later result or error of `running` is ignored, so it never
   * becomes an unhandled rejection.
   *
   * @param onTimeout called before the rejection
   */
  within<T> (running: PromiseLike<T>, onTimeout?: () => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = () => {
        onTimeout?.()
        reject(refusal('timeout'))
      }
      this.#running.set(end, this.#now() + this.#timeoutMs)
      if (this.#timer === undefined) this.#endLater(this.#timeoutMs)
      running.then(
        (value) => { this.#running.delete(end); resolve(value) },
        (error) => { this.#running.delete(end); reject(error) }
      )
    })
  }

  /** Nothing begins any more. The timer ends, unless something runs. */
  close (): void {
    if (this.#running.size === 0) this.#clock.clearTimeout(this.#timer)
  }

  #endLater (ms: number): void {
    this.#timer = this.#clock.setTimeout(() => this.#endLate(), ms)
  }

  #endLate (): void {
    this.#timer = undefined
    const now = this.#now()
    for (const [end, endsAt] of this.#running) {
      if (endsAt > now) return this.#endLater(endsAt - now)
      this.#running.delete(end)
      end()
    }
  }
}
