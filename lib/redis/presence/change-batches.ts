import type { Clock } from '../../clock.ts'
import type { PresenceEntryRequest } from '../../cluster/presence.ts'

/** One change of a presence list, in the form of the apply script. */
export type Change = readonly [
  kind: '+' | '-', version: number, connection: string, userOrGraceMs: string | number, data: string
]

/** An entry of this node. */
export type LocalEntry = PresenceEntryRequest & { readonly version: number }

export function enterChange ({ version, connection, user, data }: LocalEntry): Change {
  return ['+', version, connection, user, JSON.stringify(data ?? null)]
}

/**
 * Versions order the changes of this node, however late they arrive: about the time in microseconds, and greater with
 * each call.
 */
export class Versions {
  readonly #clock: Clock
  #last = 0

  constructor (clock: Clock) {
    this.#clock = clock
  }

  get last (): number {
    return this.#last
  }

  next (): number {
    this.#last = Math.max(this.#last + 1, this.#clock.now() * 1_000)
    return this.#last
  }
}

/** Exits whose grace periods are kept, and channels whose repair is. Beyond it, the oldest channel loses its graces. */
const maxUnconfirmed = 20_000

interface Batch {
  readonly changes: Change[]
  readonly outcome: Promise<boolean>
}

/**
 * Collects the changes of one channel and event-loop turn: they travel together. It keeps the grace period of each exit
 * until Redis has it, because a repair of the channel makes that exit as well.
 */
export class ChangeBatches {
  /** Resolves to whether Redis has applied the changes. */
  readonly #write: (channel: string, changes: readonly Change[]) => Promise<boolean>
  readonly #open = new Map<string, Batch>()
  readonly #unsettled = new Set<Promise<boolean>>()
  readonly #failed = new Set<string>()
  /** By channel and connection, in milliseconds. */
  readonly #graces = new Map<string, Map<string, number>>()
  #graceCount = 0

  constructor (write: (channel: string, changes: readonly Change[]) => Promise<boolean>) {
    this.#write = write
  }

  /** The channels with a change that failed since it was last repaired. */
  get failedChannels (): readonly string[] {
    return [...this.#failed]
  }

  /** The exits of a channel that Redis may not have, by connection, with their grace periods in milliseconds. */
  unconfirmedExits (channel: string): ReadonlyMap<string, number> {
    return this.#graces.get(channel) ?? new Map<string, number>()
  }

  /** Settles as the write of the batch does. */
  add (channel: string, change: Change): Promise<boolean> {
    this.#keep(channel, change)
    const open = this.#open.get(channel)
    if (open) {
      open.changes.push(change)
      return open.outcome
    }
    const changes = [change]
    const outcome = this.#flushLater(channel, changes)
    this.#open.set(channel, { changes, outcome })
    this.#unsettled.add(outcome)
    return outcome
  }

  /** Resolves once every batch added so far has settled. */
  async settle (): Promise<void> {
    await Promise.allSettled(this.#unsettled)
  }

  /** Writes the changes that bring a channel in order. */
  repair (channel: string, changes: readonly Change[]): Promise<boolean> {
    this.#failed.delete(channel)
    return this.#writeAndNote(channel, changes)
  }

  async #writeAndNote (channel: string, changes: readonly Change[]): Promise<boolean> {
    let isDone = false
    try {
      isDone = await this.#write(channel, changes)
    } finally {
      if (isDone) this.#confirm(channel, changes)
      else if (this.#failed.size < maxUnconfirmed) this.#failed.add(channel)
    }
    return isDone
  }

  #keep (channel: string, [kind, , connection, graceMs]: Change): void {
    if (kind === '+' || Number(graceMs) === 0) return
    const graces = this.#graces.get(channel) ?? new Map<string, number>()
    this.#graces.set(channel, graces.set(connection, Number(graceMs)))
    if (++this.#graceCount > maxUnconfirmed) this.#forget(this.#graces.keys().next().value as string)
  }

  #confirm (channel: string, changes: readonly Change[]): void {
    const graces = this.#graces.get(channel)
    if (!graces) return
    for (const [, , connection] of changes) if (graces.delete(connection)) this.#graceCount--
    if (graces.size === 0) this.#forget(channel)
  }

  #forget (channel: string): void {
    this.#graceCount -= this.unconfirmedExits(channel).size
    this.#graces.delete(channel)
  }

  async #flushLater (channel: string, changes: readonly Change[]): Promise<boolean> {
    await new Promise(setImmediate)
    const batch = this.#open.get(channel) as Batch
    this.#open.delete(channel)
    try {
      return await this.#writeAndNote(channel, changes)
    } finally {
      this.#unsettled.delete(batch.outcome)
    }
  }
}
