import { issues, type Issue } from '../health/issues.ts'
import type { Probe } from './probe.ts'
import type { Subscriber } from './subscriber.ts'

/** The subscriptions at one master, and what proves that they work. */
export interface Master { readonly subscriber: Subscriber, readonly probe: Probe }

export function closeMaster ({ subscriber, probe }: Master): void {
  probe.stop()
  subscriber.close()
}

/** What is wrong with the subscriptions; undefined when messages pass at each master. */
export function issueOf (masters: readonly Master[]): Issue | undefined {
  if (masters.length === 0 || masters.some(({ subscriber }) => !subscriber.isUp)) return issues.closed
  return masters.some(({ probe }) => probe.isLost) ? issues.silent : undefined
}

/** The round trip of the slowest probe, in milliseconds; undefined before the first. */
export function roundTripOf (masters: readonly Master[]): number | undefined {
  const known = masters.flatMap(({ probe: { roundTrip } }) => roundTrip ?? [])
  return known.length === 0 ? undefined : Math.max(...known)
}
