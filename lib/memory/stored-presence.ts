import type { PresenceChange, PresenceEntry } from '../protocol/control-messages.ts'
import type { PresenceEntryRequest, PresenceVersion } from '../cluster/presence.ts'

/** A user without references is in grace until `due`, in milliseconds since 1970. */
interface Present { references: number, data: unknown, due: number }

/** One channel's presence: connections counted by user. What changes nothing for others returns undefined. */
export class StoredPresence {
  readonly #epoch: string
  readonly #connections = new Map<string, string>()
  readonly #users = new Map<string, Present>()
  #sequence = 0

  constructor (epoch: string) {
    this.#epoch = epoch
  }

  get isEmpty (): boolean {
    return this.#users.size === 0
  }

  get size (): number {
    return this.#users.size
  }

  get version (): PresenceVersion {
    return { epoch: this.#epoch, sequence: this.#sequence }
  }

  get entries (): PresenceEntry[] {
    return [...this.#users].map(([user, { data }]) => ({ user, data }))
  }

  enter ({ connection, user, data }: PresenceEntryRequest): PresenceChange | undefined {
    if (this.#connections.has(connection)) return undefined
    this.#connections.set(connection, user)
    const present = this.#users.get(user)
    if (!present) {
      this.#users.set(user, { references: 1, data, due: 0 })
      return this.#changed({ joined: [{ user, data }] })
    }
    present.references++
    if (JSON.stringify(present.data) === JSON.stringify(data)) return undefined
    present.data = data
    return this.#changed({ updated: [{ user, data }] })
  }

  /**
   * Returns the user whose last connection this was, and when the user's last grace period ends: that of another
   * connection may end later, because it is never cut short.
   */
  exit (connection: string, due: number): { readonly user: string, readonly due: number } | undefined {
    const user = this.#connections.get(connection)
    if (user === undefined) return undefined
    this.#connections.delete(connection)
    const present = this.#users.get(user) as Present
    present.references--
    present.due = Math.max(present.due, due)
    return present.references === 0 ? { user, due: present.due } : undefined
  }

  /** The grace is over that ends then: the user has left unless somebody came back, or left again since. */
  expire (user: string, due: number): PresenceChange | undefined {
    const present = this.#users.get(user)
    if (!present || present.references > 0 || present.due > due) return undefined
    this.#users.delete(user)
    return this.#changed({ left: [user] })
  }

  #changed (change: PresenceChange): PresenceChange {
    this.#sequence++
    return change
  }
}
