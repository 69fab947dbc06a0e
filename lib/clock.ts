/** A timer that is running. */
export type Timer = unknown

/** Time as the library sees it; tests move it by hand. */
export interface Clock {
  /** Wall time, milliseconds since 1970. It may jump. */
  now (): number
  /** Calls `fn` once after `ms` milliseconds. A pending timer does not keep a process alive. */
  setTimeout (fn: () => void, ms: number): Timer
  clearTimeout (timer: Timer): void
}
