import type { PresenceList, PresenceVersion } from '../cluster/presence.ts'
import type { PresenceChange, PresenceEntry } from '../protocol/control-messages.ts'

interface Numbered { readonly moment: PresenceVersion, readonly change: PresenceChange }

/** What a change was: `new`, and members are to be told; `old`; or not what follows, so that a new snapshot is needed. */
export type Applied = 'new' | 'old' | 'hole'

/**
 * This node's copy of who is in one channel: a snapshot, and the changes after it. Joins are answered from it, so a
 * thousand of them cost the adapter nothing.
 */
export class PresenceReplica {
  #users = new Map<string, unknown>()
  #moment: PresenceVersion | undefined
  /** Changes that came before the first snapshot did. */
  #early: Numbered[] = []

  get entries (): PresenceEntry[] {
    return [...this.#users].map(([user, data]) => ({ user, data }))
  }

  /** Whether what we know was lost, and not changed: the snapshot is of another epoch. */
  isLostIn ({ epoch }: PresenceList): boolean {
    return this.#users.size > 0 && this.#moment?.epoch !== epoch
  }

  /** Takes a snapshot; returns what it changes, undefined where that is nothing. */
  replace (list: PresenceList): PresenceChange | undefined {
    // A change that came meanwhile is newer than the snapshot that was asked for before it.
    if (this.#moment?.epoch === list.epoch && list.sequence < this.#moment.sequence) return undefined
    const before = this.#users
    this.#users = new Map(list.entries.map(({ user, data }) => [user, data]))
    this.#moment = list
    const early = this.#early
    this.#early = []
    for (const { moment, change } of early) this.apply(moment, change)
    return difference(before, this.#users)
  }

  apply (moment: PresenceVersion, change: PresenceChange): Applied {
    if (!this.#moment) {
      this.#early.push({ moment, change })
      return 'old'
    }
    const { epoch, sequence } = this.#moment
    if (moment.epoch === epoch && moment.sequence <= sequence) return 'old'
    // Who was nobody's before: the first change of an epoch is all there is.
    const follows = moment.epoch === epoch ? moment.sequence === sequence + 1 : moment.sequence === 1 && this.#users.size === 0
    if (!follows) return 'hole'
    this.#moment = moment
    for (const { user, data } of [...change.joined ?? [], ...change.updated ?? []]) this.#users.set(user, data)
    for (const user of change.left ?? []) this.#users.delete(user)
    return 'new'
  }
}

function difference (before: ReadonlyMap<string, unknown>, after: ReadonlyMap<string, unknown>): PresenceChange | undefined {
  const entries = [...after].map(([user, data]) => ({ user, data }))
  const joined = entries.filter(({ user }) => !before.has(user))
  const updated = entries.filter(({ user, data }) => before.has(user) && JSON.stringify(before.get(user)) !== JSON.stringify(data))
  const left = [...before.keys()].filter((user) => !after.has(user))
  const change = { ...(joined.length > 0 && { joined }), ...(updated.length > 0 && { updated }), ...(left.length > 0 && { left }) }
  return Object.keys(change).length > 0 ? change : undefined
}
