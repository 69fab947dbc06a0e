/** A timer that is running. */
export type Timer = unknown

/** Time as the demos see it. A test passes one that it moves by hand. */
export interface Clock {
  /** Milliseconds since 1970. */
  now (): number
  setTimeout (fn: () => void, ms: number): Timer
  clearTimeout (timer: Timer): void
}

/** The time of this machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimeout: (fn, ms) => setTimeout(fn, ms),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>)
}
