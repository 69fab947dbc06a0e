import type { Adapter } from '../cluster/adapter.ts'

/**
 * What a node asks of the hub, in its own process or in another one. Revocations end by the clock of `steady-clock.ts`.
 */
export interface HubPorts
  extends Pick<Adapter, 'pubsub' | 'history' | 'presence' | 'idempotency' | 'quota' | 'nodes'> {
  /** This node has told everything. Resolves once those that the last hub had have done so too, or had time for it. */
  ready (): Promise<void>
}

/** Tells a hub one thing that it has to know of this node. */
export type Restoring = (hub: HubPorts) => Promise<unknown>
