import { randomUUID } from 'node:crypto'
import { systemClock, type Clock } from '../clock.ts'
import type { PresenceChange } from '../protocol/control-messages.ts'
import type { AdapterEvents } from '../cluster/events.ts'
import type { PresenceList } from '../cluster/presence.ts'
import { clusterTimings, type ClusterTimings } from '../cluster/timings.ts'
import { StoredHistory } from './stored-history.ts'
import { StoredPresence } from './stored-presence.ts'

/** How often expired histories and claims are deleted. Bounds only memory: an expired one is never used. */
const sweepIntervalMs = 60_000

/** A node on the hub. */
export interface HubNode {
  readonly id: string
  readonly events: AdapterEvents
  readonly subscribed: ReadonlySet<string>
}

/** The claim of an idempotent message, or its reply once it was handled. */
export interface StoredClaim {
  readonly contentHash: string
  readonly owner?: string
  /** JSON. */
  readonly reply?: string
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

/** The state that the nodes of one process share. Nodes on one hub behave like nodes on one Redis. */
export class MemoryHub {
  readonly nodes = new Set<HubNode>()
  /** The connections that count against each user's quota. */
  readonly quotas = new Map<string, Set<string>>()
  /** Idempotency claims by channel and message id, expired ones included until the next sweep. */
  readonly claims = new Map<string, StoredClaim>()
  readonly clock: Clock
  readonly timings: ClusterTimings
  readonly #presence = new Map<string, StoredPresence>()
  readonly #histories = new Map<string, StoredHistory>()
  #isSweeping = false

  constructor (clock: Clock = systemClock, timings: ClusterTimings = clusterTimings) {
    this.clock = clock
    this.timings = timings
  }

  subscribers (channel: string): HubNode[] {
    return [...this.nodes].filter(({ subscribed }) => subscribed.has(channel))
  }

  othersThan (id: string): HubNode[] {
    return [...this.nodes].filter((node) => node.id !== id)
  }

  presenceList (channel: string): PresenceList {
    const presence = this.#presence.get(channel)
    return presence ? { ...presence.version, entries: presence.entries } : { epoch: '', sequence: 0, entries: [] }
  }

  presenceCount (channel: string): number {
    return this.#presence.get(channel)?.size ?? 0
  }

  exitPresence (channel: string, connectionId: string, graceMs: number): void {
    const due = this.clock.now() + graceMs
    const user = this.#presence.get(channel)?.exit(connectionId, due)
    if (user === undefined) return
    // Compares with the due time instead of the clock, because a timer may fire a little early.
    const expire = () => this.changePresence(channel, (presence) => presence.expire(user, due))
    if (graceMs > 0) this.clock.setTimeout(expire, graceMs)
    else expire()
  }

  /** Changes a channel's presence, and announces the change to every subscribed node. */
  changePresence (channel: string, apply: (presence: StoredPresence) => PresenceChange | undefined): void {
    const presence = this.#presence.get(channel) ?? new StoredPresence(randomUUID())
    const change = apply(presence)
    if (presence.isEmpty) this.#presence.delete(channel)
    else this.#presence.set(channel, presence)
    if (!change) return
    for (const { events } of this.subscribers(channel)) events.presenceChanged(channel, presence.version, change)
  }

  /** The history of a channel. It begins with the first use. */
  historyOf (channel: string): StoredHistory {
    const known = this.#histories.get(channel)
    if (known && !known.isExpired) return known
    const history = new StoredHistory(() => this.clock.now(), () => randomUUID().slice(0, 13), this.timings)
    this.#histories.set(channel, history)
    this.sweepLater()
    return history
  }

  hasHistory (channel: string): boolean {
    return this.#histories.get(channel)?.isExpired === false
  }

  /** Deletes expired histories and claims from time to time, as long as there are any. */
  sweepLater (): void {
    if (this.#isSweeping) return
    this.#isSweeping = true
    this.clock.setTimeout(() => {
      this.#isSweeping = false
      for (const [channel, history] of this.#histories) if (history.isExpired) this.#histories.delete(channel)
      for (const [key, claim] of this.claims) if (claim.expiresAt <= this.clock.now()) this.claims.delete(key)
      if (this.#histories.size + this.claims.size > 0) this.sweepLater()
    }, sweepIntervalMs)
  }
}
