import type { CloseEvent } from '../../protocol/close-events.ts'

/** An upgrade from its first check until its connection is registered, or until its socket closes. */
export interface PendingUpgrade {
  /** Counts the upgrades of this node. A number is a cheaper key than the object. */
  readonly number: number
  /** How many disconnects there had been when it began. */
  readonly disconnectsBefore: number
  /** Undefined until it is authenticated. */
  userId: string | undefined
}

interface Disconnect { readonly number: number, readonly event: CloseEvent }

/**
 * The upgrades under way on this node. `disconnect` reaches them like connections: a connection whose user was
 * disconnected during its upgrade is closed as soon as it is registered.
 */
export class PendingUpgrades {
  /** By number, the oldest first. */
  readonly #pending = new Map<number, PendingUpgrade>()
  /** The last disconnect of each user, the oldest first. None is older than the oldest upgrade. */
  readonly #disconnects = new Map<string, Disconnect>()
  /** The number of authenticated upgrades of each user. */
  readonly #users = new Map<string, number>()
  #disconnectCount = 0
  #count = 0

  /** The number of upgrades under way, and of disconnects that are kept for them. */
  get size (): number {
    return this.#pending.size + this.#disconnects.size
  }

  begin (): PendingUpgrade {
    const upgrade = { number: this.#count++, disconnectsBefore: this.#disconnectCount, userId: undefined }
    this.#pending.set(upgrade.number, upgrade)
    return upgrade
  }

  /** Notes whose upgrade it is. Ignored after its end. */
  identify (upgrade: PendingUpgrade, userId: string | undefined): void {
    if (userId === undefined || !this.#pending.has(upgrade.number)) return
    upgrade.userId = userId
    this.#users.set(userId, this.#countOf(userId) + 1)
  }

  /** Ends an upgrade. Returns the event to close its connection with, if its user was disconnected meanwhile. */
  end (upgrade: PendingUpgrade): CloseEvent | undefined {
    const { number, userId, disconnectsBefore } = upgrade
    if (!this.#pending.delete(number)) return undefined
    const disconnect = userId === undefined ? undefined : this.#disconnects.get(userId)
    if (userId !== undefined) this.#forgetOneOf(userId)
    this.#forgetDisconnects()
    return disconnect && disconnect.number > disconnectsBefore ? disconnect.event : undefined
  }

  /** Returns how many authenticated upgrades of the user it reached. It reaches those authenticated later, too. */
  disconnect (userId: string, event: CloseEvent): number {
    const number = ++this.#disconnectCount
    if (this.#pending.size === 0) return 0
    this.#disconnects.delete(userId)
    this.#disconnects.set(userId, { number, event })
    return this.#countOf(userId)
  }

  #countOf (userId: string): number {
    return this.#users.get(userId) ?? 0
  }

  #forgetOneOf (userId: string): void {
    const left = this.#countOf(userId) - 1
    if (left > 0) this.#users.set(userId, left)
    else this.#users.delete(userId)
  }

  /** Forgets the disconnects that came before every upgrade under way. */
  #forgetDisconnects (): void {
    if (this.#disconnects.size === 0) return
    const [oldest] = this.#pending.values()
    for (const [userId, { number }] of this.#disconnects) {
      if (oldest && number > oldest.disconnectsBefore) return
      this.#disconnects.delete(userId)
    }
  }
}
