/** A timer that is running. */
export type Timer = unknown

/** Time as the library sees it; tests move it by hand. */
export interface Clock {
  /** Wall time, milliseconds since 1970. It may jump. */
  now (): number
  /** Calls `fn` once after `ms` milliseconds. Whether a pending timer keeps a process alive is the clock's affair. */
  setTimeout (fn: () => void, ms: number): Timer
  clearTimeout (timer: Timer): void
}

/** The time of this machine. Its timers do not keep a process alive. */
export const systemClock: Clock = {
  now: Date.now,
  setTimeout: (fn, ms) => setTimeout(fn, ms).unref(),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout)
}

/** Reads a clock that does not jump, in milliseconds since some moment. Only the machine's clock jumps by itself. */
export function monotonic (clock: Clock): () => number {
  return clock === systemClock ? () => performance.now() : () => clock.now()
}
