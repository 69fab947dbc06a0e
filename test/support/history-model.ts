import type {
  Append as AppendRequest, AppendOutcome, HistoryEntry, HistoryRead, Snapshot
} from '../../lib/cluster/history.ts'
import type { UnrecoverableReason } from '../../lib/protocol/recoverability.ts'
import type { Position } from '../../lib/protocol/position.ts'
import type { EntryListener, LossyHistory } from './follower-simulation.ts'

type Append = Omit<AppendRequest, 'ttl'>

/**
 * A model of a history as the port describes it, without a ttl and without a bound on bytes. Adapters are compared with
 * it, and history followers follow it. It can also lose its newest entries, as Redis does when a replica is promoted
 * that has not received the newest writes.
 */
export class HistoryModel implements LossyHistory {
  onEntry: EntryListener = () => {}
  #epochs = 1
  #hashes = 0
  epoch = 'epoch 1'
  /** The entries that were appended and not lost. The newest `kept` entries are in the history. */
  entries: HistoryEntry[] = []
  kept = 0
  snapshot: Snapshot | undefined
  ids = new Map<string, HistoryEntry>()
  /** The append request of each entry. */
  #appends: Append[] = []

  get position (): Position {
    const { offset, hash } = this.entries.at(-1) ?? { offset: 0, hash: '' }
    return { epoch: this.epoch, offset, hash }
  }

  get held (): HistoryEntry[] {
    return this.kept === 0 ? [] : this.entries.slice(-this.kept)
  }

  append (append: Append, hash = `hash ${++this.#hashes}`): AppendOutcome {
    const { id, after, snapshot, limit } = append
    const known = this.ids.get(id)
    if (known) return { outcome: 'duplicate', position: { epoch: this.epoch, offset: known.offset, hash: known.hash } }
    if (after && !isSame(after, this.position)) return { outcome: 'behind', position: this.position }
    if (snapshot === undefined && this.kept >= 4 * limit) return { outcome: 'full', retryAfter: 1_000 }
    this.onEntry(this.epoch, this.#add(append, hash), snapshot)
    return { outcome: 'appended', position: this.position }
  }

  read (since?: Position): HistoryRead {
    const reason = this.#reason(since)
    if (!reason) {
      const { offset: last } = since as Position
      return { position: this.position, entries: this.entries.filter(({ offset }) => offset > last) }
    }
    return { position: this.position, reason, entries: this.held, ...(this.snapshot && { snapshot: this.snapshot }) }
  }

  top (): Position {
    return this.position
  }

  /** Undoes the newest `count` appends and the trims that they caused. */
  loseNewest (count: number): void {
    const hashes = this.entries.map(({ hash }) => hash)
    const appends = this.#appends.slice(0, Math.max(0, this.#appends.length - count))
    this.#forget()
    for (const [i, append] of appends.entries()) this.#add(append, hashes[i] as string)
  }

  loseAll (): void {
    this.epoch = `epoch ${++this.#epochs}`
    this.#forget()
  }

  #add (append: Append, hash: string): HistoryEntry {
    const { id, encoded, whenSlow, snapshot, limit } = append
    const { offset, hash: prev } = this.position
    const entry = { offset: offset + 1, id, hash, prev, encoded, whenSlow }
    this.#appends.push(append)
    this.entries.push(entry)
    this.ids.set(id, entry)
    if (snapshot !== undefined) this.snapshot = { offset: entry.offset, hash, state: snapshot }
    const sinceSnapshot = this.snapshot ? entry.offset - this.snapshot.offset : 0
    this.kept = Math.min(this.kept + 1, Math.max(limit, sinceSnapshot))
    return entry
  }

  #forget (): void {
    this.#appends = []
    this.entries = []
    this.kept = 0
    this.snapshot = undefined
    this.ids = new Map()
  }

  #reason (since: Position | undefined): UnrecoverableReason | undefined {
    if (!since) return 'fresh'
    if (since.epoch !== this.epoch) return 'epoch'
    if (since.offset > this.position.offset) return 'future'
    if (since.offset < this.position.offset - this.kept) return 'trimmed'
    const hash = since.offset === 0 ? '' : this.entries[since.offset - 1]?.hash
    return hash === since.hash ? undefined : 'fork'
  }
}

function isSame (a: Position, b: Position): boolean {
  return a.epoch === b.epoch && a.offset === b.offset && a.hash === b.hash
}
