import type { AdapterEvents } from './events.ts'
import type { HistoryPort } from './history.ts'
import type { IdempotencyPort } from './idempotency.ts'
import type { NodesPort } from './nodes.ts'
import type { PresencePort } from './presence.ts'
import type { PubSubPort } from './pubsub.ts'
import type { QuotaPort } from './quota.ts'

/**
 * `up`, or `degraded` while the other nodes cannot be reached: `since` in milliseconds since 1970, and the reason for
 * an operator.
 */
export type AdapterStatus =
  | { readonly state: 'up' }
  | { readonly state: 'degraded', readonly since: number, readonly reason: string }

/** A call was not carried out for a reason that the adapter's `status` tells. The adapter logs it itself, once. */
export class AdapterUnavailable extends Error {}

/**
 * Counted since the start, for status pages and metrics. `published` and `received`: messages to and from other nodes;
 * `dropped`: messages that were not sent; `poison`: received data that no node of this version sends.
 */
export type AdapterCounters = Readonly<Record<'published' | 'received' | 'dropped' | 'poison', number>>

/**
 * Connects one node with the others and keeps the state that they share. It carries opaque encoded messages; it knows
 * no sockets and no contracts.
 *
 * A call that cannot be carried out rejects. Nothing throws synchronously.
 */
export interface Adapter {
  /** The id of this node, new for each start. */
  readonly nodeId: string
  readonly status: AdapterStatus
  readonly counters: AdapterCounters
  /**
   * Milliseconds that the last message took to the shared server and back. Undefined before the first measurement, or
   * without a server.
   */
  readonly roundTrip?: number | undefined
  /** The number of live nodes that this one knows of, itself included. Undefined when an adapter cannot tell. */
  readonly liveNodes?: number | undefined

  readonly pubsub: PubSubPort
  readonly history: HistoryPort
  readonly presence: PresencePort
  readonly idempotency: IdempotencyPort
  readonly quota: QuotaPort
  readonly nodes: NodesPort

  /**
   * Begins to report to `events`. Called once, before every call of a port. Resolves, or returns, even when no other
   * node can be reached yet.
   */
  start (events: AdapterEvents): void | Promise<void>
  /**
   * Ends this node: its connections leave every presence list and quota, running grace periods excepted, and it
   * receives no further events. A second call does nothing.
   */
  close (): Promise<void>
}
