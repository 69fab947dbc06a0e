import type { Random } from '../../support/random.ts'
import type { ClientSettings } from '../rig/crowd.ts'
import type { Rig } from '../rig/rig.ts'
import type { TopologyName } from '../rig/topology.ts'

/** One kind of fault. */
export interface Fault {
  readonly name: string
  /** For docs/reliability.md. */
  readonly title: string
  /** Its Redis. @default 'single' */
  readonly topology?: TopologyName
  /** The channels of its clients; those that are durable lose nothing that was acked. @default 'rig' */
  readonly pattern?: ClientSettings['pattern']
  /** The package of the nodes at the start: that of the previous version. @default the present one */
  readonly startsFrom?: 'previous'
  readonly lastsMs: number
  /** What is left of it after `begin` is no fault, such as a node that is missing: recovery is measured from there. */
  readonly isOverAtOnce?: boolean
  /** One node after another is missing, so that the acks themselves have to be in time. */
  readonly isRolling?: boolean
  /** Redis may lose a part of the histories. */
  readonly losesHistory?: boolean
  readonly hasSlowReaders?: boolean
  /** How long after the end of the fault the presence lists may be wrong. */
  readonly presenceBoundMs: number
  /** Resolves to what ends it. */
  begin (rig: Rig, random: Random): Promise<() => Promise<void>>
}

/** After a node was killed, and after Redis was away. */
export const presenceBounds = { nodeMs: 15_000, redisMs: 30_000 }
