import type { PresenceChange, PresenceEntry } from '../../protocol/control.ts'
import type { PresenceClaim } from '../adapter.ts'

interface Present { references: number, data: unknown }

/** One channel's presence: connections counted by user. What changes nothing for others returns undefined. */
export class MemoryPresence {
  readonly #connections = new Map<string, string>()
  readonly #users = new Map<string, Present>()

  get isEmpty (): boolean {
    return this.#connections.size === 0
  }

  get entries (): PresenceEntry[] {
    return [...this.#users].map(([user, { data }]) => ({ user, data }))
  }

  enter ({ connection, user, data }: PresenceClaim): PresenceChange | undefined {
    if (this.#connections.has(connection)) return undefined
    this.#connections.set(connection, user)
    const present = this.#users.get(user)
    if (!present) {
      this.#users.set(user, { references: 1, data })
      return { joined: [{ user, data }] }
    }
    present.references++
    if (JSON.stringify(present.data) === JSON.stringify(data)) return undefined
    present.data = data
    return { updated: [{ user, data }] }
  }

  exit (connection: string): PresenceChange | undefined {
    const user = this.#connections.get(connection)
    if (user === undefined) return undefined
    this.#connections.delete(connection)
    const present = this.#users.get(user) as Present
    if (--present.references > 0) return undefined
    this.#users.delete(user)
    return { left: [user] }
  }
}
