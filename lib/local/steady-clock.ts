import type { Clock } from '../clock.ts'

/**
 * Milliseconds since 1970 by a clock that does not jump. The state of the hub lives as long as its process, so nothing
 * has to outlive a correction of the machine's clock, and a jump must not end histories.
 */
export function steadyClock (clock: Clock): Clock {
  return {
    now: () => performance.timeOrigin + performance.now(),
    setTimeout: (fn, ms) => clock.setTimeout(fn, ms),
    clearTimeout: (timer) => clock.clearTimeout(timer)
  }
}
