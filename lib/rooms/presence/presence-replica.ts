import type { PresenceList, PresenceVersion } from '../../cluster/presence.ts'
import type { PresenceChange } from '../../protocol/control-messages.ts'

interface VersionedChange { readonly version: PresenceVersion, readonly change: PresenceChange }

/**
 * The effect of a change. `new`: members have to receive it; `old`: the replica contains it, or keeps it for the list
 * that is being read; `hole`: a change before it is missing, so the list has to be read again.
 */
export type Applied = 'new' | 'old' | 'hole'

/**
 * This node's copy of one channel's presence list: the list as it was read, and the changes after it. Joins are
 * answered from it, so a thousand joins cost the adapter nothing.
 */
export class PresenceReplica {
  #users = new Map<string, unknown>()
  /** Of the newest list. */
  #epoch = ''
  /** Undefined from the start of a read until its list is here. */
  #version: PresenceVersion | undefined
  /** The changes received since a read began; undefined while none runs. The first one begins with the replica. */
  #early: VersionedChange[] | undefined = []

  /** The data of each present user. */
  get users (): ReadonlyMap<string, unknown> {
    return this.#users
  }

  /** Whether the earlier list was lost rather than changed, because this one belongs to another epoch. */
  isLostIn ({ epoch }: PresenceList): boolean {
    return this.#users.size > 0 && this.#epoch !== epoch
  }

  /**
   * A read of the list begins. Its result counts even if its sequence is lower than that of the replica: after a
   * failover to a Redis that lacked the last changes, their numbers are given again.
   */
  beginRead (): void {
    this.#version = undefined
    this.#early = []
  }

  /** The read brought no list that counts. */
  abandonRead (): void {
    this.#early = undefined
  }

  /** Replaces the list by the one that was read; returns the difference, undefined when there is none. */
  replace (list: PresenceList): PresenceChange | undefined {
    const before = this.#users
    this.#users = new Map(list.entries.map(({ user, data }) => [user, data]))
    this.#version = list
    this.#epoch = list.epoch
    const early = this.#early ?? []
    this.#early = undefined
    for (const { version, change } of early) this.apply(version, change)
    return difference(before, this.#users)
  }

  apply (version: PresenceVersion, change: PresenceChange): Applied {
    this.#early?.push({ version, change })
    if (!this.#version) return this.#early ? 'old' : 'hole'
    const { epoch, sequence } = this.#version
    if (version.epoch === epoch && version.sequence <= sequence) return 'old'
    // The first change of an epoch is the whole list, so it follows an empty one.
    const isFirst = version.sequence === 1 && this.#users.size === 0
    const follows = version.epoch === epoch ? version.sequence === sequence + 1 : isFirst
    if (!follows) return 'hole'
    this.#version = version
    this.#epoch = version.epoch
    for (const { user, data } of [...change.joined ?? [], ...change.updated ?? []]) this.#users.set(user, data)
    for (const user of change.left ?? []) this.#users.delete(user)
    return 'new'
  }
}

type Users = ReadonlyMap<string, unknown>

function difference (before: Users, after: Users): PresenceChange | undefined {
  const entries = [...after].map(([user, data]) => ({ user, data }))
  const joined = entries.filter(({ user }) => !before.has(user))
  const isChanged = (user: string, data: unknown) => JSON.stringify(before.get(user)) !== JSON.stringify(data)
  const updated = entries.filter(({ user, data }) => before.has(user) && isChanged(user, data))
  const left = [...before.keys()].filter((user) => !after.has(user))
  const change = {
    ...(joined.length > 0 && { joined }),
    ...(updated.length > 0 && { updated }),
    ...(left.length > 0 && { left })
  }
  return Object.keys(change).length > 0 ? change : undefined
}
