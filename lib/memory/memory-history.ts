import type { IdempotencyClaim, ClaimOutcome, AppendedEntry, Snapshot, Append, AppendOutcome, HistoryEntry, HistoryRead, UnrecoverableReason } from '../cluster/adapter.ts'
import type { Position } from '../protocol/position.ts'
import { takeWithinBound } from '../cluster/history-bound.ts'

/** Milliseconds for which an id that was appended, and the reply of a claim, are known. */
export const remembered = 120_000
/** Milliseconds that a claim lasts. */
const claimed = 10_000
/** How far beyond its limit a log grows that a snapshot holds back. */
const stretch = 4

interface Stored extends HistoryEntry { readonly at: number }

/** The log of one channel. What happens to it happens in one step. */
export class MemoryHistory {
  readonly #epoch: string
  readonly #now: () => number
  readonly #random: () => string
  #entries: Stored[] = []
  #snapshot: Snapshot | undefined
  #ids = new Map<string, { readonly offset: number, readonly hash: string, readonly at: number }>()
  #claims = new Map<string, { readonly hash: string, readonly owner?: string, readonly reply?: string, readonly until: number }>()
  #position: Position
  /** When nobody will miss it any more, unless it is used again. */
  #until = 0

  constructor (now: () => number, random: () => string) {
    this.#now = now
    this.#random = random
    this.#epoch = random()
    this.#position = { epoch: this.#epoch, offset: 0, hash: '' }
    this.#use(remembered)
  }

  get position (): Position {
    return this.#position
  }

  get isOver (): boolean {
    return this.#until <= this.#now()
  }

  /** `told` is called with the entry, in the same step. */
  append (append: Append, told: (epoch: string, entry: HistoryEntry, snapshot?: string) => void): AppendOutcome {
    const { id, frame, whenSlow, after, snapshot, limit, ttl } = append
    this.#use(ttl)
    const known = this.#ids.get(id)
    if (known && known.at + remembered > this.#now()) return { outcome: 'duplicate', position: { epoch: this.#epoch, offset: known.offset, hash: known.hash } }
    if (after && !this.#isTop(after)) return { outcome: 'behind', missed: this.read(after) }
    if (snapshot === undefined && this.#entries.length >= stretch * limit) return { outcome: 'full', retryAfter: 1_000 }
    const entry = { id, frame, whenSlow, offset: this.#position.offset + 1, prev: this.#position.hash, hash: this.#random(), at: this.#now() }
    this.#entries.push(entry)
    this.#position = { epoch: this.#epoch, offset: entry.offset, hash: entry.hash }
    this.#ids.set(id, entry)
    if (snapshot !== undefined) this.#snapshot = { offset: entry.offset, hash: entry.hash, state: snapshot }
    this.#trim(limit, ttl)
    told(this.#epoch, entry, snapshot)
    return { outcome: 'appended', position: this.#position }
  }

  read (since?: Position): HistoryRead {
    const reason = this.#whyNot(since)
    if (!reason) return { position: this.#position, entries: this.#after((since as Position).offset) }
    const newest = takeWithinBound(this.#entries)
    const kept = this.#snapshot ? this.#after(this.#snapshot.offset) : []
    return {
      position: this.#position,
      reason,
      ...(this.#snapshot && { snapshot: this.#snapshot }),
      entries: kept.length > newest.length ? kept : newest
    }
  }

  claim ({ id, contentHash, owner }: IdempotencyClaim): ClaimOutcome {
    this.#use(remembered)
    const known = this.#claims.get(id)
    if (known && known.until > this.#now() && known.owner !== owner) {
      if (known.hash !== contentHash) return { outcome: 'conflict' }
      return known.reply === undefined ? { outcome: 'running' } : { outcome: 'done', reply: known.reply }
    }
    this.#claims.set(id, { hash: contentHash, owner, until: this.#now() + claimed })
    return { outcome: 'claimed' }
  }

  finish ({ id, contentHash }: IdempotencyClaim, reply: string, effects: readonly AppendedEntry[]): { outcome: 'lost' } | { outcome: 'done', reply: string } {
    const done = this.#claims.get(id)?.reply
    if (done !== undefined) return { outcome: 'done', reply: done }
    if (effects.some((effect) => this.#ids.get(effect.id)?.hash !== effect.hash)) return { outcome: 'lost' }
    this.#claims.set(id, { hash: contentHash, reply, until: this.#now() + remembered })
    return { outcome: 'done', reply }
  }

  release ({ id, owner }: IdempotencyClaim): void {
    if (this.#claims.get(id)?.owner === owner) this.#claims.delete(id)
  }

  #isTop ({ epoch, offset, hash }: Position): boolean {
    return epoch === this.#epoch && offset === this.#position.offset && hash === this.#position.hash
  }

  #whyNot (since: Position | undefined): UnrecoverableReason | undefined {
    if (!since) return 'fresh'
    if (since.epoch !== this.#epoch) return 'epoch'
    if (since.offset > this.#position.offset) return 'future'
    if (since.offset === this.#position.offset) return since.hash === this.#position.hash ? undefined : 'fork'
    const missed = this.#after(since.offset)
    if (missed[0]?.offset !== since.offset + 1) return 'trimmed'
    if (missed[0].prev !== since.hash) return 'fork'
    return takeWithinBound(missed).length < missed.length ? 'limit' : undefined
  }

  #after (offset: number): Stored[] {
    const first = this.#entries[0]?.offset ?? 0
    return this.#entries.slice(Math.max(0, offset + 1 - first))
  }

  /** Never past the snapshot: a state is a snapshot and all that came after it. */
  #trim (limit: number, ttl: number): void {
    const kept = this.#snapshot?.offset ?? Infinity
    const isOld = ({ at }: Stored, i: number) => this.#entries.length - i > limit || at + ttl <= this.#now()
    const first = this.#entries.findIndex((entry, i) => entry.offset > kept || !isOld(entry, i))
    if (first > 0) this.#entries.splice(0, first)
  }

  /** Keeps it for a time, and forgets what is over. */
  #use (ttl: number): void {
    const now = this.#now()
    this.#until = Math.max(this.#until, now + Math.max(ttl, remembered))
    for (const [id, { at }] of this.#ids) {
      if (at + remembered > now) break
      this.#ids.delete(id)
    }
    for (const [id, { until }] of this.#claims) if (until <= now) this.#claims.delete(id)
  }
}
