import { newId } from '../new-id.ts'
import type { Adapter, AdapterStatus } from '../cluster/adapter.ts'
import { AdapterEventRelay, type AdapterEvents } from '../cluster/events.ts'
import { MemoryHistory } from './memory-history.ts'
import { MemoryHub, type HubNode } from './memory-hub.ts'
import { MemoryIdempotency } from './memory-idempotency.ts'
import { MemoryNodes } from './memory-nodes.ts'
import { MemoryPresence } from './memory-presence.ts'
import { MemoryPubSub } from './memory-pubsub.ts'
import { MemoryQuota } from './memory-quota.ts'

export { MemoryHub }

/** The adapter of a single process, and the default. Several adapters on one hub form a cluster inside the process. */
export class MemoryAdapter implements Adapter {
  readonly nodeId: string
  readonly status: AdapterStatus = { state: 'up' }
  readonly counters = { published: 0, received: 0, dropped: 0, poison: 0 }
  readonly pubsub: MemoryPubSub
  readonly history: MemoryHistory
  readonly presence: MemoryPresence
  readonly idempotency: MemoryIdempotency
  readonly quota: MemoryQuota
  readonly nodes: MemoryNodes
  readonly #hub: MemoryHub
  readonly #events = new AdapterEventRelay()
  readonly #node: HubNode

  constructor (hub = new MemoryHub(), nodeId = newId()) {
    this.#hub = hub
    this.nodeId = nodeId
    this.pubsub = new MemoryPubSub(hub, this.nodeId)
    this.history = new MemoryHistory(hub)
    this.presence = new MemoryPresence(hub)
    this.idempotency = new MemoryIdempotency(hub)
    this.quota = new MemoryQuota(hub)
    this.nodes = new MemoryNodes(hub, this.nodeId)
    this.#node = { id: this.nodeId, events: this.#events, subscribed: this.pubsub.subscribed }
  }

  get liveNodes (): number {
    return this.#hub.nodes.size
  }

  start (events: AdapterEvents): void {
    this.#events.connect(events)
    this.#hub.nodes.add(this.#node)
    const { revocations, clock } = this.#hub
    for (const [key, until] of revocations) if (until > clock.now()) events.revoked(key, until)
  }

  async close (): Promise<void> {
    this.#hub.nodes.delete(this.#node)
    this.presence.exitAll()
    this.quota.releaseAll()
  }
}
