import { MultiMap } from '../multi-map.ts'
import { newId } from '../new-id.ts'
import { systemClock, type Clock } from '../clock.ts'
import type { PresenceChange } from '../protocol/control-messages.ts'
import { entryIdOf } from '../protocol/position.ts'
import type { AdapterEvents } from '../cluster/events.ts'
import type { KnownEntry } from '../cluster/idempotency.ts'
import type { PresenceList } from '../cluster/presence.ts'
import { clusterTimings, type ClusterTimings } from '../cluster/timings.ts'
import { StoredHistory } from './stored-history.ts'
import { StoredPresence } from './stored-presence.ts'

/** How often what has expired is deleted. Bounds only memory: nothing expired is ever used. */
const sweepIntervalMs = 60_000
/** Expired claims that one message deletes: more than the one that it adds, so that they cannot pile up. */
const deletedPerMessage = 2
/** The same for one sweep: a bound on how long it holds up the event loop (about 10 ms). */
const deletedPerSweep = 100_000

/** A node on the hub. */
export interface HubNode {
  readonly id: string
  readonly events: AdapterEvents
  readonly subscribed: ReadonlySet<string>
}

interface Expiring {
  readonly contentHash: string
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

/** The claim of an idempotent message. */
export interface StoredClaim extends Expiring { readonly owner: string }

/** The reply, as JSON, of a message that was handled. */
export interface StoredReply extends Expiring { readonly reply: string }

/** The state that the nodes of one process share. Nodes on one hub behave like nodes on one Redis. */
export class MemoryHub {
  readonly nodes = new Set<HubNode>()
  /** The connections that count against each user's quota. */
  readonly quotas = new MultiMap<string, string>()
  /** The ends of revocations, in milliseconds since 1970, for nodes that start later. Ended ones may remain. */
  readonly revocations = new Map<string, number>()
  /** Idempotency claims by channel and message id, in the order of their expiry. Expired ones may remain. */
  readonly claims = new Map<string, StoredClaim>()
  /** The same for the replies of messages that were handled. */
  readonly replies = new Map<string, StoredReply>()
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
    const now = this.clock.now()
    const exited = this.#presence.get(channel)?.exit(connectionId, now + graceMs)
    if (!exited) return
    const { user, due } = exited
    // Compares with the due time instead of the clock, because a timer may fire a little early.
    const expire = () => this.changePresence(channel, (presence) => presence.expire(user, due))
    if (due > now) this.clock.setTimeout(expire, due - now)
    else expire()
  }

  /** Changes a channel's presence, and announces the change to every subscribed node. */
  changePresence (channel: string, apply: (presence: StoredPresence) => PresenceChange | undefined): void {
    const presence = this.#presence.get(channel) ?? new StoredPresence(newId())
    const change = apply(presence)
    if (presence.isEmpty) this.#presence.delete(channel)
    else this.#presence.set(channel, presence)
    if (!change) return
    for (const { events } of this.subscribers(channel)) events.presenceChanged(channel, presence.version, change)
  }

  /** The history of a channel. It begins with the first use. */
  historyOf (channel: string): StoredHistory {
    const known = this.#histories.get(channel)
    return known && !known.isExpired ? known : this.clearHistory(channel)
  }

  /** Begins a new history. */
  clearHistory (channel: string): StoredHistory {
    const history = new StoredHistory(() => this.clock.now(), () => newId().slice(0, 13), this.timings)
    this.#histories.set(channel, history)
    this.sweepLater()
    return history
  }

  hasHistory (channel: string): boolean {
    return this.#histories.get(channel)?.isExpired === false
  }

  /** The entries that a message with this id appended. */
  appendedBy (channel: string, messageId: string): KnownEntry[] {
    const appended: KnownEntry[] = []
    if (!this.hasHistory(channel)) return appended
    const history = this.historyOf(channel)
    for (;;) {
      const known = history.known(entryIdOf(messageId, appended.length))
      if (!known) return appended
      appended.push(known)
    }
  }

  /** Returns false when it is known already, or a longer one is. */
  addRevocation (key: string, until: number): boolean {
    if (Number(this.revocations.get(key)) >= until) return false
    this.revocations.set(key, until)
    this.sweepLater()
    return true
  }

  /** Deletes a few expired claims and replies, so that a steady flow of messages needs no walk over all of them. */
  deleteExpired (most = deletedPerMessage): void {
    for (const stored of [this.claims, this.replies]) {
      let left = most
      for (const [key, { expiresAt }] of stored) {
        if (expiresAt > this.clock.now() || left-- === 0) break
        stored.delete(key)
      }
    }
  }

  /** Deletes what has expired from time to time, as long as there are any. */
  sweepLater (): void {
    if (this.#isSweeping) return
    this.#isSweeping = true
    this.clock.setTimeout(() => {
      this.#isSweeping = false
      for (const [channel, history] of this.#histories) if (history.isExpired) this.#histories.delete(channel)
      for (const [key, until] of this.revocations) if (until <= this.clock.now()) this.revocations.delete(key)
      this.deleteExpired(deletedPerSweep)
      const stores = [this.#histories, this.revocations, this.claims, this.replies]
      if (stores.some(({ size }) => size > 0)) this.sweepLater()
    }, sweepIntervalMs)
  }
}
