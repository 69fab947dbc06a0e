import type { Adapter, AdapterCounters, AdapterStatus } from '../../cluster/adapter.ts'
import type { AdapterEvents } from '../../cluster/events.ts'
import { unknownNodes, type NodesPort } from '../../cluster/nodes.ts'
import type { PubSubPort } from '../../cluster/pubsub.ts'
import type { QuotaPort } from '../../cluster/quota.ts'
import { MemoryAdapter, type MemoryHub } from '../../memory/memory-adapter.ts'
import { Cut } from './cut.ts'
import { CuttablePresence } from './cuttable-presence.ts'

/** A node on a hub that can lose it. Then it behaves like a node without its Redis: its lease ends after a while. */
export class CuttableAdapter implements Adapter {
  readonly nodeId: string
  readonly counters: AdapterCounters
  readonly history
  readonly idempotency
  readonly presence: CuttablePresence
  readonly pubsub: PubSubPort
  readonly quota: QuotaPort
  readonly nodes: NodesPort
  readonly #cut = new Cut()
  readonly #hub: MemoryHub
  readonly #inner: MemoryAdapter
  /** Of all nodes: a node that was cut off has missed some. */
  readonly #revocations: Map<string, number>
  readonly #counted = new Map<string, string>()
  #events: AdapterEvents | undefined
  #leaseTimer: unknown
  #isLeaseOver = false

  constructor (hub: MemoryHub, revocations: Map<string, number>) {
    const inner = this.#inner = new MemoryAdapter(hub)
    this.#hub = hub
    this.#revocations = revocations
    this.nodeId = inner.nodeId
    this.counters = inner.counters
    this.history = this.#cut.guarded(inner.history)
    this.idempotency = this.#cut.guarded(inner.idempotency)
    this.presence = new CuttablePresence(inner.presence, this.#cut)
    this.pubsub = this.#newPubSub()
    this.quota = this.#newQuota()
    this.nodes = this.#newNodes()
  }

  get status (): AdapterStatus {
    const { since } = this.#cut
    if (since === undefined) return this.#inner.status
    return { state: 'degraded', since, reason: 'the node is cut off from the others' }
  }

  get liveNodes (): number {
    return this.#inner.liveNodes
  }

  start (events: AdapterEvents): void {
    this.#events = this.#cut.filtered(events)
    this.#inner.start(this.#events)
  }

  async close (): Promise<void> {
    this.#hub.clock.clearTimeout(this.#leaseTimer)
    await this.#inner.close()
  }

  /** Cuts the node off. */
  cut (): void {
    if (this.#cut.isCut) return
    const { clock, timings } = this.#hub
    this.#cut.since = clock.now()
    this.#leaseTimer = clock.setTimeout(() => {
      this.#isLeaseOver = true
      this.#inner.close()
    }, timings.leaseTtlMs)
  }

  /** Connects the node again: the others learn of its users, and it reads what it missed. */
  async heal (): Promise<void> {
    if (!this.#cut.isCut) return
    const events = this.#events as AdapterEvents
    this.#cut.since = undefined
    this.#hub.clock.clearTimeout(this.#leaseTimer)
    if (this.#isLeaseOver) this.#inner.start(events)
    this.#isLeaseOver = false
    await this.presence.restore()
    for (const [id, userId] of this.#counted) await this.#inner.quota.acquire(userId, id, Infinity)
    for (const [key, until] of this.#revocations) {
      events.revoked(key, until)
      await this.#inner.nodes.revoke(key, until)
    }
    events.gap()
  }

  /** Subscriptions made while the node is cut off count from the heal. */
  #newPubSub (): PubSubPort {
    const { pubsub } = this.#inner
    const guarded = this.#cut.guarded(pubsub)
    return {
      subscribe: (channel) => pubsub.subscribe(channel),
      unsubscribe: (channel) => pubsub.unsubscribe(channel),
      publish: (...args) => guarded.publish(...args)
    }
  }

  #newQuota (): QuotaPort {
    const { quota } = this.#inner
    const guarded = this.#cut.guarded(quota)
    return {
      acquire: async (userId, connectionId, limit) => {
        this.#counted.set(connectionId, userId)
        const outcome = await guarded.acquire(userId, connectionId, limit)
        if (!outcome.granted) this.#counted.delete(connectionId)
        return outcome
      },
      check: (...args) => guarded.check(...args),
      release: async (userId, connectionId) => {
        this.#counted.delete(connectionId)
        await quota.release(userId, connectionId)
      }
    }
  }

  #newNodes (): NodesPort {
    const { nodes } = this.#inner
    return {
      request: async (...args) => {
        return this.#cut.isCut ? { results: [], missing: [unknownNodes] } : await nodes.request(...args)
      },
      revoke: async (key, until) => {
        this.#revocations.set(key, until)
        await this.#cut.guarded(nodes).revoke(key, until)
      }
    }
  }
}
