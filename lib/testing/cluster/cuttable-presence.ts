import type { PresenceEntryRequest, PresenceList, PresencePort } from '../../cluster/presence.ts'
import type { Cut } from './cut.ts'

/** The presence of a node. It keeps its own entries, and enters them again after it was cut off. */
export class CuttablePresence implements PresencePort {
  readonly #port: PresencePort
  readonly #cut: Cut
  readonly #own = new Map<string, Map<string, PresenceEntryRequest>>()
  #missedExits: Array<Parameters<PresencePort['exit']>> = []

  constructor (port: PresencePort, cut: Cut) {
    this.#port = port
    this.#cut = cut
  }

  async enter (channel: string, entry: PresenceEntryRequest): Promise<void> {
    const own = this.#own.get(channel) ?? new Map<string, PresenceEntryRequest>()
    this.#own.set(channel, own.set(entry.connection, entry))
    if (!this.#cut.isCut) await this.#port.enter(channel, entry)
  }

  async exit (channel: string, connectionId: string, graceMs?: number): Promise<void> {
    this.#own.get(channel)?.delete(connectionId)
    if (this.#cut.isCut) this.#missedExits.push([channel, connectionId, graceMs])
    else await this.#port.exit(channel, connectionId, graceMs)
  }

  /** While the node is cut off, the list has its own users. */
  async list (channel: string): Promise<PresenceList> {
    if (!this.#cut.isCut) return this.#port.list(channel)
    const own = this.#own.get(channel) ?? new Map<string, PresenceEntryRequest>()
    return { epoch: '', sequence: 0, entries: [...own.values()].map(({ user, data }) => ({ user, data })) }
  }

  count (channel: string): Promise<number> {
    return this.#cut.guarded(this.#port).count(channel)
  }

  /** Tells the others what changed meanwhile. */
  async restore (): Promise<void> {
    for (const exit of this.#missedExits.splice(0)) await this.#port.exit(...exit)
    for (const [channel, own] of this.#own) for (const entry of own.values()) await this.#port.enter(channel, entry)
  }
}
