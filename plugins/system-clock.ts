import type { Clock } from '../lib/clock.ts'

/** The time of this machine. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: Date.now,
  setTimeout: (fn, ms) => setTimeout(fn, ms).unref(),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout)
}
