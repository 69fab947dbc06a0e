import type { Verdict } from './checker/checker.ts'
import type { Fault } from './kinds/fault.ts'

export interface Run {
  readonly fault: string
  readonly seed: number
  /** How late timers of the rig were, in milliseconds (p99): more on a machine that is busy with other work. */
  readonly lateMs: number
  readonly verdict: Verdict
}

/** How long after the end of a fault something may be pending. */
const recoveryBounds = { p99: 3_000, max: 5_000 }

/** Acked messages that Redis lost although the history is durable: a resync does not excuse that. */
export function notDurable ({ pattern }: Fault, { announced }: Verdict): string[] {
  return pattern === 'durable' && announced > 0 ? [`lost although durable: ${announced}`] : []
}

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
