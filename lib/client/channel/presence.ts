import type { PresenceChange, PresenceEntry } from '../../protocol/control-messages.ts'
import { Listeners, type Report } from '../listeners.ts'
import { listOf, textOf } from '../transport/read-envelope.ts'

/** The difference between two presence lists. */
export type Difference = Required<PresenceChange>

/** The presence list of one channel. Each change makes a new list, so a list that was read never changes. */
export class Presence {
  readonly changes: Listeners<[readonly PresenceEntry[], Difference | undefined]>
  #entries: readonly PresenceEntry[] = []

  constructor (report: Report) {
    this.changes = new Listeners(report)
  }

  get entries (): readonly PresenceEntry[] {
    return this.#entries
  }

  /** Takes the presence list in the ack of a join. */
  replace (ack: unknown): void {
    this.#set(listOf(ack, 'presence').filter(isEntry))
  }

  /** Takes the payload of a `presence` message. An updated user keeps its position in the list. */
  change (payload: unknown): void {
    const joined = listOf(payload, 'joined').filter(isEntry)
    const updated = listOf(payload, 'updated').filter(isEntry)
    const left = listOf(payload, 'left').filter((user) => typeof user === 'string')
    const entries = new Map(this.#entries.map((entry) => [entry.user, entry]))
    for (const user of left) entries.delete(user)
    for (const entry of [...joined, ...updated]) entries.set(entry.user, entry)
    this.#set([...entries.values()], { joined, updated, left })
  }

  #set (entries: readonly PresenceEntry[], change?: Difference): void {
    this.#entries = entries
    this.changes.call(entries, change)
  }
}

function isEntry (value: unknown): value is PresenceEntry {
  return textOf(value, 'user') !== undefined
}
