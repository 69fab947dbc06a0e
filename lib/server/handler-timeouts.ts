import type { Clock } from '../clock.ts'
import { Deadlines } from '../deadlines.ts'
import { refusal } from '../protocol/errors.ts'

/** The timeout of the handlers of all sessions of a node, and of the other functions that a session calls. */
export class HandlerTimeouts {
  /** How each of them ends. */
  readonly #running: Deadlines<() => void>

  /** @param timeoutMs in milliseconds */
  constructor (clock: Clock, timeoutMs: number) {
    this.#running = new Deadlines(clock, timeoutMs, (end) => end())
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
      this.#running.begin(end)
      running.then(
        (value) => { this.#running.end(end); resolve(value) },
        (error) => { this.#running.end(end); reject(error) }
      )
    })
  }

  /** Nothing begins any more. */
  close (): void {
    this.#running.close()
  }
}
