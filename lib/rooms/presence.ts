import type { PresenceSnapshot } from '../adapters/adapter.ts'
import type { PresenceChange, PresenceEntry } from '../protocol/control.ts'

interface Numbered { readonly sequence: number, readonly change: PresenceChange }

/**
 * This node's copy of who is in one channel: a snapshot, and the changes after it. Joins are answered from it, so a
 * thousand of them cost the adapter nothing.
 */
export class PresenceReplica {
  readonly #users = new Map<string, unknown>()
  #sequence = -1
  /** Changes that came before the snapshot did. */
  #early: Numbered[] = []

  get entries (): PresenceEntry[] {
    return [...this.#users].map(([user, data]) => ({ user, data }))
  }

  seed (snapshot: PresenceSnapshot): void {
    this.#sequence = snapshot.sequence
    for (const { user, data } of snapshot.entries) this.#users.set(user, data)
    for (const { sequence, change } of this.#early) this.apply(sequence, change)
    this.#early = []
  }

  /** Whether the change was new, and members are to be told. */
  apply (sequence: number, change: PresenceChange): boolean {
    if (this.#sequence === -1) this.#early.push({ sequence, change })
    if (this.#sequence === -1 || sequence <= this.#sequence) return false
    this.#sequence = sequence
    for (const { user, data } of [...change.joined ?? [], ...change.updated ?? []]) this.#users.set(user, data)
    for (const user of change.left ?? []) this.#users.delete(user)
    return true
  }
}
