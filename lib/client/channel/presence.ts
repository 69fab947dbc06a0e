import type { PresenceChange, PresenceCount, PresenceEntry } from '../../protocol/control-messages.ts'
import { listOf, numberOf, propertyOf, textOf } from '../transport/read-envelope.ts'

/** The difference between two presence lists. */
export type Difference = Required<PresenceChange>

/** The presence list of one channel, or the number of its users, as the contract says. */
export type View = readonly PresenceEntry[] | PresenceCount

/** The presence of one channel. Each change makes a new list, so a list that was read never changes. */
export class Presence {
  readonly #changed: (view: View, change: Difference | undefined) => void
  #entries: readonly PresenceEntry[] = []
  #count: PresenceCount | undefined

  constructor (changed: (view: View, change: Difference | undefined) => void) {
    this.#changed = changed
  }

  get view (): View {
    return this.#count ?? this.#entries
  }

  /** Takes the presence in the ack of a join. */
  replace (ack: unknown): void {
    this.#set(listOf(ack, 'presence').filter(isEntry), countIn(propertyOf(ack, 'presence')))
  }

  /** Takes the payload of a `presence` message. An updated user keeps its position in the list. */
  change (payload: unknown): void {
    const count = countIn(payload)
    if (count) return this.#set([], count)
    // A further page of the list, which was too long for the ack.
    const present = listOf(payload, 'present').filter(isEntry)
    const joined = listOf(payload, 'joined').filter(isEntry)
    const updated = listOf(payload, 'updated').filter(isEntry)
    const left = listOf(payload, 'left').filter((user) => typeof user === 'string')
    const entries = new Map(this.#entries.map((entry) => [entry.user, entry]))
    for (const user of left) entries.delete(user)
    for (const entry of [...present, ...joined, ...updated]) entries.set(entry.user, entry)
    this.#set([...entries.values()], undefined, propertyOf(payload, 'present') ? undefined : { joined, updated, left })
  }

  #set (entries: readonly PresenceEntry[], count: PresenceCount | undefined, change?: Difference): void {
    this.#entries = entries
    this.#count = count
    this.#changed(this.view, change)
  }
}

function countIn (value: unknown): PresenceCount | undefined {
  const count = numberOf(value, 'count')
  return count === undefined ? undefined : { count }
}

function isEntry (value: unknown): value is PresenceEntry {
  return textOf(value, 'user') !== undefined
}
