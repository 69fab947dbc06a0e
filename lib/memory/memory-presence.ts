import type { PresenceEntryRequest, PresenceList, PresencePort } from '../cluster/presence.ts'
import type { MemoryHub } from './memory-hub.ts'

/** The presence lists of the hub. Grace periods run on the hub, so they outlive the node that started them. */
export class MemoryPresence implements PresencePort {
  readonly #hub: MemoryHub
  /** The ids of this node's connections in each channel. */
  readonly #entered = new Map<string, Set<string>>()

  constructor (hub: MemoryHub) {
    this.#hub = hub
  }

  async enter (channel: string, entry: PresenceEntryRequest): Promise<void> {
    this.#entered.set(channel, (this.#entered.get(channel) ?? new Set()).add(entry.connection))
    this.#hub.changePresence(channel, (presence) => presence.enter(entry))
  }

  async exit (channel: string, connectionId: string, graceMs = 0): Promise<void> {
    const entered = this.#entered.get(channel)
    entered?.delete(connectionId)
    if (entered?.size === 0) this.#entered.delete(channel)
    this.#hub.exitPresence(channel, connectionId, graceMs)
  }

  async list (channel: string): Promise<PresenceList> {
    return this.#hub.presenceList(channel)
  }

  async count (channel: string): Promise<number> {
    return this.#hub.presenceCount(channel)
  }

  /** Removes all connections of this node, without a grace period. */
  exitAll (): void {
    for (const [channel, entered] of this.#entered) {
      for (const connectionId of entered) this.#hub.exitPresence(channel, connectionId, 0)
    }
    this.#entered.clear()
  }
}
