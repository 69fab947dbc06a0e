import { randomUUID } from 'node:crypto'
import { systemClock, type Clock } from '../clock.ts'
import type { PresenceChange } from '../protocol/control-messages.ts'
import type { PresenceList, AdapterEvents } from '../cluster/adapter.ts'
import { MemoryHistory } from './memory-history.ts'
import { MemoryQuota } from './memory-quota.ts'
import { MemoryPresence } from './memory-presence.ts'

/** Milliseconds between two looks for logs that nobody will miss. */
const every = 60_000

/** A node on the hub. */
export interface HubNode {
  readonly id: string
  readonly receiver: AdapterEvents
  readonly subscribed: ReadonlySet<string>
}

/** What the nodes of one process share. Nodes on one hub behave as nodes on one Redis do. */
export class MemoryHub {
  readonly nodes = new Set<HubNode>()
  readonly places = new MemoryQuota()
  readonly #presence = new Map<string, MemoryPresence>()
  readonly #logs = new Map<string, MemoryHistory>()
  readonly #clock: Clock

  constructor (clock: Clock = systemClock) {
    this.#clock = clock
  }

  /** Tells every subscribed node. */
  tell (channel: string, told: (node: HubNode) => void): void {
    for (const node of this.nodes) if (node.subscribed.has(channel)) told(node)
  }

  list (channel: string): PresenceList {
    const presence = this.#presence.get(channel)
    return presence ? { ...presence.moment, entries: presence.entries } : { epoch: '', sequence: 0, entries: [] }
  }

  count (channel: string): number {
    return this.#presence.get(channel)?.size ?? 0
  }

  exit (channel: string, connection: string, grace: number): void {
    const due = this.#clock.now() + grace
    const user = this.#presence.get(channel)?.exit(connection, due)
    if (user === undefined) return
    // By what it is due at, and not by the clock: a timer may call a little early.
    const expire = () => this.change(channel, (presence) => presence.expire(user, due))
    if (grace > 0) this.#clock.setTimeout(expire, grace)
    else expire()
  }

  /** Changes a channel's presence and tells every subscribed node; an empty channel costs nothing. */
  change (channel: string, apply: (presence: MemoryPresence) => PresenceChange | undefined): void {
    const presence = this.#presence.get(channel) ?? new MemoryPresence(randomUUID())
    const change = apply(presence)
    if (presence.isEmpty) this.#presence.delete(channel)
    else this.#presence.set(channel, presence)
    if (change) this.tell(channel, ({ receiver }) => receiver.presence(channel, presence.moment, change))
  }

  /** The log of a channel, which begins with the first question about it. */
  log (channel: string): MemoryHistory {
    const known = this.#logs.get(channel)
    if (known && !known.isOver) return known
    const log = new MemoryHistory(() => this.#clock.now(), () => randomUUID().slice(0, 13))
    if (this.#logs.size === 0) this.#sweepLater()
    this.#logs.set(channel, log)
    return log
  }

  hasLog (channel: string): boolean {
    return this.#logs.get(channel)?.isOver === false
  }

  #sweepLater (): void {
    this.#clock.setTimeout(() => {
      for (const [channel, log] of this.#logs) if (log.isOver) this.#logs.delete(channel)
      if (this.#logs.size > 0) this.#sweepLater()
    }, every)
  }
}
