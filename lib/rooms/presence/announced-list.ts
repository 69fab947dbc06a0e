import { encodeEntry, type EncodedEntry } from './encoded-entries.ts'

/** What changed in a presence list since the last announcement. */
export interface ListChange {
  readonly joined: readonly EncodedEntry[]
  readonly updated: readonly EncodedEntry[]
  readonly left: readonly string[]
}

/** The presence list as the members of a room know it. */
export class AnnouncedList {
  readonly #entries = new Map<string, string>()
  #version = 0

  /** The entry of each user as JSON. */
  get entries (): ReadonlyMap<string, string> {
    return this.#entries
  }

  /** Grows with each change. */
  get version (): number {
    return this.#version
  }

  /** Takes over what is current for these users. Returns the difference to what was announced. */
  update (users: Iterable<string>, current: ReadonlyMap<string, unknown>): ListChange {
    const joined: EncodedEntry[] = []
    const updated: EncodedEntry[] = []
    const left: string[] = []
    for (const user of users) {
      const before = this.#entries.get(user)
      const entry = current.has(user) ? encodeEntry({ user, data: current.get(user) }) : undefined
      if (entry === before) continue
      if (entry === undefined) left.push(user)
      else (before === undefined ? joined : updated).push([user, entry])
      if (entry === undefined) this.#entries.delete(user)
      else this.#entries.set(user, entry)
    }
    this.#version++
    return { joined, updated, left }
  }
}
