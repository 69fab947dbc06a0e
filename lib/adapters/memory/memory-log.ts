import type { Claim, Claimed, Effect, Keyframe, LogAppend, LogAppended, LogEntry, LogRead, ReadReason } from '../adapter.ts'
import type { Position } from '../../protocol/log.ts'
import { takeWithinBound } from '../log-bound.ts'

/** Milliseconds for which an id that was appended, and the reply of a claim, are known. */
export const remembered = 120_000
/** Milliseconds that a claim lasts. */
const claimed = 10_000
/** How far beyond its limit a log grows that a keyframe holds back. */
const stretch = 4

interface Stored extends LogEntry { readonly at: number }

/** The log of one channel. What happens to it happens in one step. */
export class MemoryLog {
  readonly #epoch: string
  readonly #now: () => number
  readonly #random: () => string
  #entries: Stored[] = []
  #keyframe: Keyframe | undefined
  #ids = new Map<string, { readonly offset: number, readonly link: string, readonly at: number }>()
  #claims = new Map<string, { readonly hash: string, readonly owner?: string, readonly reply?: string, readonly until: number }>()
  #position: Position
  /** When nobody will miss it any more, unless it is used again. */
  #until = 0

  constructor (now: () => number, random: () => string) {
    this.#now = now
    this.#random = random
    this.#epoch = random()
    this.#position = { epoch: this.#epoch, offset: 0, link: '' }
    this.#use(remembered)
  }

  get position (): Position {
    return this.#position
  }

  get isOver (): boolean {
    return this.#until <= this.#now()
  }

  /** `told` is called with the entry, in the same step. */
  append (append: LogAppend, told: (epoch: string, entry: LogEntry, keyframe?: string) => void): LogAppended {
    const { id, frame, whenSlow, expect, keyframe, limit, ttl } = append
    this.#use(ttl)
    const known = this.#ids.get(id)
    if (known && known.at + remembered > this.#now()) return { outcome: 'duplicate', position: { epoch: this.#epoch, offset: known.offset, link: known.link } }
    if (expect && !this.#isTop(expect)) return { outcome: 'behind', missed: this.read(expect) }
    if (keyframe === undefined && this.#entries.length >= stretch * limit) return { outcome: 'full', retryAfter: 1_000 }
    const entry = { id, frame, whenSlow, offset: this.#position.offset + 1, prev: this.#position.link, link: this.#random(), at: this.#now() }
    this.#entries.push(entry)
    this.#position = { epoch: this.#epoch, offset: entry.offset, link: entry.link }
    this.#ids.set(id, entry)
    if (keyframe !== undefined) this.#keyframe = { offset: entry.offset, link: entry.link, state: keyframe }
    this.#trim(limit, ttl)
    told(this.#epoch, entry, keyframe)
    return { outcome: 'appended', position: this.#position }
  }

  read (since?: Position): LogRead {
    const reason = this.#whyNot(since)
    if (!reason) return { position: this.#position, entries: this.#after((since as Position).offset) }
    const newest = takeWithinBound(this.#entries)
    const kept = this.#keyframe ? this.#after(this.#keyframe.offset) : []
    return {
      position: this.#position,
      reason,
      ...(this.#keyframe && { keyframe: this.#keyframe }),
      entries: kept.length > newest.length ? kept : newest
    }
  }

  claim ({ id, hash, owner }: Claim): Claimed {
    this.#use(remembered)
    const known = this.#claims.get(id)
    if (known && known.until > this.#now() && known.owner !== owner) {
      if (known.hash !== hash) return { outcome: 'conflict' }
      return known.reply === undefined ? { outcome: 'running' } : { outcome: 'done', reply: known.reply }
    }
    this.#claims.set(id, { hash, owner, until: this.#now() + claimed })
    return { outcome: 'claimed' }
  }

  finish ({ id, hash }: Claim, reply: string, effects: readonly Effect[]): { outcome: 'lost' } | { outcome: 'done', reply: string } {
    const done = this.#claims.get(id)?.reply
    if (done !== undefined) return { outcome: 'done', reply: done }
    if (effects.some((effect) => this.#ids.get(effect.id)?.link !== effect.link)) return { outcome: 'lost' }
    this.#claims.set(id, { hash, reply, until: this.#now() + remembered })
    return { outcome: 'done', reply }
  }

  release ({ id, owner }: Claim): void {
    if (this.#claims.get(id)?.owner === owner) this.#claims.delete(id)
  }

  #isTop ({ epoch, offset, link }: Position): boolean {
    return epoch === this.#epoch && offset === this.#position.offset && link === this.#position.link
  }

  #whyNot (since: Position | undefined): ReadReason | undefined {
    if (!since) return 'fresh'
    if (since.epoch !== this.#epoch) return 'epoch'
    if (since.offset > this.#position.offset) return 'future'
    if (since.offset === this.#position.offset) return since.link === this.#position.link ? undefined : 'fork'
    const missed = this.#after(since.offset)
    if (missed[0]?.offset !== since.offset + 1) return 'trimmed'
    if (missed[0].prev !== since.link) return 'fork'
    return takeWithinBound(missed).length < missed.length ? 'limit' : undefined
  }

  #after (offset: number): Stored[] {
    const first = this.#entries[0]?.offset ?? 0
    return this.#entries.slice(Math.max(0, offset + 1 - first))
  }

  /** Never past the keyframe: a state is a keyframe and all that came after it. */
  #trim (limit: number, ttl: number): void {
    const kept = this.#keyframe?.offset ?? Infinity
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
