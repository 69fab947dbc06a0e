import type { Clock } from '../clock.ts'
import { refusal } from '../protocol/errors.ts'

/**
 * The outcome, or a rejection with `timeout` when it takes longer than `ms`. What comes after that goes nowhere: it can
 * neither be answered any more nor become an unhandled rejection.
 */
export function within<T> (clock: Clock, ms: number, outcome: PromiseLike<T>, expired?: () => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimeout(() => {
      expired?.()
      reject(refusal('timeout'))
    }, ms)
    outcome.then(
      (value) => { clock.clearTimeout(timer); resolve(value) },
      (error) => { clock.clearTimeout(timer); reject(error) }
    )
  })
}
