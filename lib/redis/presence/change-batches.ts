import type { Clock } from '../../clock.ts'

/** One change of a presence list, in the form of the apply script. */
export type Change = readonly [
  kind: '+' | '-', version: number, connection: string, userOrGraceMs: string | number, data: string
]

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

interface Batch {
  readonly changes: Change[]
  readonly outcome: Promise<void>
}

/** Collects the changes of one channel and event-loop turn: they travel together. */
export class ChangeBatches {
  readonly #write: (channel: string, changes: readonly Change[]) => Promise<unknown>
  readonly #open = new Map<string, Batch>()
  readonly #unsettled = new Set<Promise<void>>()

  constructor (write: (channel: string, changes: readonly Change[]) => Promise<unknown>) {
    this.#write = write
  }

  /** Settles as the write of the batch does. */
  add (channel: string, change: Change): Promise<void> {
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

  async #flushLater (channel: string, changes: readonly Change[]): Promise<void> {
    await new Promise(setImmediate)
    const batch = this.#open.get(channel) as Batch
    this.#open.delete(channel)
    try {
      await this.#write(channel, changes)
    } finally {
      this.#unsettled.delete(batch.outcome)
    }
  }
}
