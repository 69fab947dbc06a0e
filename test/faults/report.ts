import type { Verdict } from './checker/checker.ts'
import type { Fault } from './kinds/fault.ts'

export interface Run {
  readonly fault: string
  readonly seed: number
  /** The load average of the machine, of the last minute. */
  readonly load: number
  readonly verdict: Verdict
}

/** How long after the end of a fault something may be pending. */
const recoveryBounds = { p99: 3_000, max: 5_000 }

/** The times of a run that are over their bounds. */
export function lateIn ({ presenceBoundMs, isRolling }: Fault, { ack, recovery, presenceMs }: Verdict): string[] {
  const bound = { recovery, ...isRolling && { ack } }
  return [
    ...Object.entries(bound).flatMap(([what, { p99, max }]) => [
      ...p99 > recoveryBounds.p99 ? [`${what}: p99 ${p99} ms`] : [],
      ...max > recoveryBounds.max ? [`${what}: max ${max} ms`] : []
    ]),
    ...presenceMs > presenceBoundMs ? [`presence: right after ${Math.round(presenceMs)} ms`] : []
  ]
}
