import type { Clock } from '../../clock.ts'

/**
 * The clock of the platform. Unlike the server's, its timers do keep a Node process alive: one that waits to reconnect
 * has nothing else to live for.
 */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimeout: (fn, ms) => globalThis.setTimeout(fn, ms),
  clearTimeout: (timer) => globalThis.clearTimeout(timer as ReturnType<typeof globalThis.setTimeout>)
}
