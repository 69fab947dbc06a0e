import type { Clock } from '../clock.ts'
import { refusal } from '../protocol/errors.ts'

/**
 * Settles as `running` does, or rejects with `timeout` after `timeoutMs` milliseconds. A later result or error of
 * `running` is ignored, so it never becomes an unhandled rejection.
 */
export function withTimeout<T> (clock: Clock, timeoutMs: number, running: PromiseLike<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimeout(() => reject(refusal('timeout')), timeoutMs)
    running.then(
      (value) => { clock.clearTimeout(timer); resolve(value) },
      (error) => { clock.clearTimeout(timer); reject(error) }
    )
  })
}
