import type { Clock } from '../../../lib/clock.ts'

/** The platform's clock and timers, so many times as fast. */
export function fastClock (speed: number): Clock {
  const start = Date.now()
  return {
    now: () => start + (Date.now() - start) * speed,
    setTimeout: (fn, ms) => setTimeout(fn, ms / speed),
    clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>)
  }
}
