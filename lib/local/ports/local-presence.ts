import type { Clock } from '../../clock.ts'
import type { PresenceEntryRequest, PresenceList, PresencePort } from '../../cluster/presence.ts'
import type { HubAccess } from '../hub-access.ts'
import type { GracePeriod } from '../grace-period.ts'
import type { Restoring } from '../hub-ports.ts'

/** A user's grace period that began on this node, or on a hub that closed. */
interface Grace {
  readonly entry: PresenceEntryRequest
  /** When it ends, by the steady clock. */
  readonly due: number
}

/** The presence lists of the hub. This node keeps its own part, for the next hub. */
export class LocalPresence implements PresencePort {
  readonly #access: HubAccess
  readonly #clock: Clock
  readonly #entered = new Map<string, Map<string, PresenceEntryRequest>>()
  /** By channel and connection. */
  readonly #graces = new Map<string, Map<string, Grace>>()

  constructor (access: HubAccess, clock: Clock) {
    this.#access = access
    this.#clock = clock
  }

  async enter (channel: string, entry: PresenceEntryRequest): Promise<void> {
    add(this.#entered, channel, entry.connection, entry)
    await this.#access.tell(({ presence }) => presence.enter(channel, entry))
  }

  async exit (channel: string, connectionId: string, graceMs = 0): Promise<void> {
    const entry = remove(this.#entered, channel, connectionId)
    if (entry && graceMs > 0) this.takeOver([{ channel, entry, remainingMs: graceMs }])
    await this.#access.tell(({ presence }) => presence.exit(channel, connectionId, graceMs))
  }

  /** While the hub does not work, the list has the users of this node. */
  async list (channel: string): Promise<PresenceList> {
    try {
      return await this.#access.ask(({ presence }) => presence.list(channel))
    } catch {
      const own = [...this.#entered.get(channel)?.values() ?? []]
      const entries = new Map(own.map(({ user, data }) => [user, { user, data }]))
      return { epoch: '', sequence: 0, entries: [...entries.values()] }
    }
  }

  count (channel: string): Promise<number> {
    return this.#access.ask(({ presence }) => presence.count(channel))
  }

  * restore (): Iterable<Restoring> {
    for (const { channel, entry, remainingMs } of this.graces) {
      yield ({ presence }) => presence.enter(channel, entry)
      yield ({ presence }) => presence.exit(channel, entry.connection, remainingMs)
    }
    for (const [channel, entered] of this.#entered) {
      for (const entry of entered.values()) yield ({ presence }) => presence.enter(channel, entry)
    }
  }

  /** The grace periods that are running. */
  get graces (): GracePeriod[] {
    const now = this.#clock.now()
    return [...this.#graces].flatMap(([channel, graces]) => [...graces.values()].map(({ entry, due }) => {
      return { channel, entry, remainingMs: Math.max(0, due - now) }
    }))
  }

  /** This node tells the next hub about these. */
  takeOver (graces: readonly GracePeriod[]): void {
    for (const { channel, entry, remainingMs } of graces) {
      add(this.#graces, channel, entry.connection, { entry, due: this.#clock.now() + remainingMs })
      this.#clock.setTimeout(() => remove(this.#graces, channel, entry.connection), remainingMs)
    }
  }
}

function add<T> (map: Map<string, Map<string, T>>, channel: string, key: string, value: T): void {
  map.set(channel, (map.get(channel) ?? new Map<string, T>()).set(key, value))
}

function remove<T> (map: Map<string, Map<string, T>>, channel: string, key: string): T | undefined {
  const values = map.get(channel)
  const value = values?.get(key)
  values?.delete(key)
  if (values?.size === 0) map.delete(channel)
  return value
}
