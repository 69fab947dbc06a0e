import { EphemeralMessages } from './ephemeral-messages.ts'
import { GracePeriods } from './grace-periods.ts'

/** What all clients of a run know together: the histories, the writes that were acked, ephemeral messages, absences. */
export class Ledger {
  /** How often each kind of message was received, and each kind of reply. */
  readonly counts: Record<string, number> = {}
  readonly ephemeral = new EphemeralMessages()
  readonly graces = new GracePeriods()
  readonly #senders: number[] = []
  readonly #entries = new Map<string, number>()
  readonly #acked = new Map<string, { readonly n: number, readonly run: number }>()

  count (kind: string): void {
    this.counts[kind] = (this.counts[kind] ?? 0) + 1
  }

  /** A new number for a message of this sender. Numbers grow. */
  number (sender: number): number {
    return this.#senders.push(sender) - 1
  }

  senderOf (n: number): number {
    return this.#senders[n] as number
  }

  /** A client got an entry of a history. @throws {Error} when another client got another one there */
  seen (channel: string, epoch: string, offset: number, n: number): void {
    const key = JSON.stringify([channel, epoch, offset])
    const other = this.#entries.get(key)
    if (other !== undefined && other !== n) throw new Error(`a fork: ${n} and ${other} at ${key}`)
    this.#entries.set(key, n)
  }

  /** An idempotent message was acked. @throws {Error} when its handler took effect twice */
  acked (id: string, { n }: { n: number }, { run }: { run: number }): void {
    const before = this.#acked.get(id)
    if (before && before.run !== run) throw new Error(`two effects of one message: runs ${before.run} and ${run}`)
    this.#acked.set(id, { n, run })
  }

  /** Compares with the whole histories. @throws {Error} for an acked message that is missing, or is there twice */
  settle (histories: ReadonlyMap<string, readonly number[]>): void {
    const all = [...histories.values()].flat()
    if (new Set(all).size !== all.length) throw new Error('a message is in the history twice')
    const kept = new Set(all)
    for (const { n } of this.#acked.values()) if (!kept.has(n)) throw new Error(`the acked message ${n} is missing`)
  }
}
