import type { Clock } from '../../clock.ts'

/**
 * The platform's clock. Its timers keep a Node process alive, unlike those of the server's clock, because a process
 * that waits to reconnect may have nothing else that does.
 */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimeout: (fn, ms) => setTimeout(fn, ms),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>)
}
