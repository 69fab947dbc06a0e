import { systemClock, type Clock, type Timer } from '../../lib/clock.ts'

/** The system's clock, and the timers that wait: they do not keep the process alive, so Node does not list them. */
export class CountingClock implements Clock {
  readonly timers = new Set<Timer>()

  now (): number {
    return systemClock.now()
  }

  setTimeout (fn: () => void, ms: number): Timer {
    const timer = systemClock.setTimeout(() => { this.timers.delete(timer); fn() }, ms)
    this.timers.add(timer)
    return timer
  }

  clearTimeout (timer: Timer): void {
    this.timers.delete(timer)
    systemClock.clearTimeout(timer)
  }
}
