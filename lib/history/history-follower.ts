import { historyBound } from '../cluster/history-bound.ts'
import type { AnnouncedEntry, HistoryRead } from '../cluster/history.ts'
import type { UnrecoverableReason } from '../protocol/recoverability.ts'
import type { Clock, Timer } from '../clock.ts'
import type { Position } from '../protocol/position.ts'
import { CoalescedTask } from '../coalesced-task.ts'
import { HistoryCache, type EncodedEntry, type RecoveryContent } from './history-cache.ts'

/** How many entries may wait for a read. Further ones are dropped and read later. */
const maxHeldEntries = 1_000
/** How long an entry that this node appended may take to arrive before it is read. */
const ownEntryTimeoutMs = 60
/** The wait after a failed read. */
const readRetryMs = 500

interface HeldEntry extends AnnouncedEntry { readonly epoch: string }

export interface HistoryFollowerEvents {
  read (since: Position | undefined): Promise<HistoryRead>
  /** Called with the next entries, for every member. */
  deliver (entries: readonly EncodedEntry[]): void
  /** Entries after those that members have can no longer be recovered, so members have to start again. */
  resync (reason: UnrecoverableReason): void
}

/**
 * This node's ordered view of one channel's history. It delivers every entry once and in order, even when entries are
 * lost, late or repeated on the way to this node.
 *
 *   entry ── follows the last one ──> delivered
 *     ├──── delivered before ──> dropped
 *     └──── a hole, or another epoch ──> held ──> read ──> missed entries, or `resync` ──> the held entries again
 */
export class HistoryFollower {
  readonly #events: HistoryFollowerEvents
  readonly #clock: Clock
  readonly #reads: CoalescedTask
  #cache: HistoryCache | undefined
  #held: HeldEntry[] = []
  /** Whether entries were dropped because too many were held, so that they have to be read. */
  #hasDropped = false
  #timer: Timer
  #isClosed = false
  /** Whether members joined before the first read. */
  #startedWithoutHistory = false

  constructor (events: HistoryFollowerEvents, clock: Clock) {
    this.#events = events
    this.#clock = clock
    this.#reads = new CoalescedTask(() => this.#read())
  }

  /** The position of the last delivered entry; undefined before the first read. */
  get position (): Position | undefined {
    return this.#cache?.position
  }

  /** Reads and delivers all entries that the shared history has now. Rejects when it cannot be read. */
  catchUp (): Promise<void> {
    const caughtUp = this.#reads.run()
    // Entries that arrived during the read wait for another one.
    caughtUp.catch(() => { if (this.#held.length > 0) this.#refreshLater() })
    return caughtUp
  }

  /** Continues although the history cannot be read now. Members get `resync` after the first successful read. */
  startWithoutHistory (): void {
    this.#startedWithoutHistory = true
    this.refresh()
  }

  /** Catches up in the background, and repeats a failed read until it succeeds. */
  refresh (): void {
    this.catchUp().catch(() => this.#refreshLater())
  }

  /** Called with entries that the adapter announced together, in order. */
  receive (epoch: string, entries: readonly AnnouncedEntry[]): void {
    const received = entries.map(({ entry, snapshot }) => ({ epoch, entry, snapshot }))
    if (!this.#cache || this.#reads.isRunning) return this.#hold(received)
    const open = this.#deliverNext(this.#cache, received)
    if (open.length === 0) return
    this.#hold(open)
    this.refresh()
  }

  /** Called when this node appended an entry: reads it if the adapter does not announce it in time. */
  expectEntry (position: Position): void {
    if (!this.#isBehind(position)) return
    this.#clock.clearTimeout(this.#timer)
    this.#timer = this.#clock.setTimeout(() => { if (this.#isBehind(position)) this.refresh() }, ownEntryTimeoutMs)
  }

  /**
   * Reads again unless the shared history is at the position of this node; it may also have lost entries that this node
   * has. Undefined: the shared history does not exist.
   */
  comparePosition (position: Position | undefined): void {
    const own = this.position
    const isCurrent = position ? isSame(position, own) : own?.offset === 0
    if (!isCurrent) this.refresh()
  }

  /** What a joining client receives, after `catchUpWith`; undefined before the first read. */
  recoveryAfter (since: Position | undefined, initial: number): RecoveryContent | undefined {
    return this.#cache?.recoveryAfter(since, initial)
  }

  /** What came after `since`, at least up to `newest`. Reads only what this node does not have. */
  async missedSince (since: Position, newest: Position): Promise<RecoveryContent> {
    if (this.#isBehind(newest)) await this.catchUp()
    return (this.#cache as HistoryCache).recoveryAfter(since, historyBound.entries)
  }

  /** The content of a `resync`; undefined before the first read. */
  resyncContent (initial: number): RecoveryContent | undefined {
    return this.#cache?.resyncContent('fresh', initial)
  }

  /** Catches up if a client has a position that this node does not know, because another node was ahead. */
  async catchUpWith (since: Position): Promise<void> {
    const reason = this.#cache?.whyUnrecoverable(since)
    if (reason === 'epoch' || reason === 'future' || reason === 'fork') await this.catchUp()
  }

  close (): void {
    this.#isClosed = true
    this.#clock.clearTimeout(this.#timer)
  }

  #refreshLater (): void {
    if (this.#isClosed) return
    this.#clock.clearTimeout(this.#timer)
    this.#timer = this.#clock.setTimeout(() => this.refresh(), readRetryMs)
  }

  #isBehind ({ epoch, offset, hash }: Position): boolean {
    const { position } = this
    if (position === undefined || epoch !== position.epoch) return true
    return offset > position.offset || (offset === position.offset && hash !== position.hash)
  }

  async #read (): Promise<void> {
    const heldBefore = this.#held.length
    this.#hasDropped = false
    const read = await this.#events.read(this.position)
    if (!this.#isClosed) this.#apply(read, heldBefore)
  }

  /** `heldBefore`: how many entries were held when the read began. They are covered by its result. */
  #apply (read: HistoryRead, heldBefore: number): void {
    const hasMembers = this.#cache !== undefined || this.#startedWithoutHistory
    const known = read.reason ? undefined : this.#cache
    const cache = this.#cache = known ?? new HistoryCache(read)
    if (known) this.#deliver(read.entries.map((entry) => cache.append(entry)))
    if (hasMembers && read.reason) this.#events.resync(read.reason)
    this.#deliverHeld(cache, heldBefore)
  }

  /** Delivers the held entries that follow. If one does not follow, the history is read again. */
  #deliverHeld (cache: HistoryCache, heldBefore: number): void {
    this.#deliverNext(cache, this.#held.slice(0, heldBefore))
    this.#held = this.#deliverNext(cache, this.#held.slice(heldBefore))
    if (this.#held.length > 0 || this.#hasDropped) this.refresh()
  }

  /** Delivers those that follow, and returns those that are neither delivered now nor were before. */
  #deliverNext (cache: HistoryCache, received: readonly HeldEntry[]): HeldEntry[] {
    const next: EncodedEntry[] = []
    const open = received.filter(({ epoch, entry, snapshot }) => {
      if (!cache.follows(epoch, entry)) return !cache.contains(epoch, entry)
      next.push(cache.append(entry, snapshot))
      return false
    })
    this.#deliver(next)
    return open
  }

  #deliver (next: readonly EncodedEntry[]): void {
    if (next.length > 0) this.#events.deliver(next)
  }

  #hold (entries: readonly HeldEntry[]): void {
    const room = maxHeldEntries - this.#held.length
    this.#held.push(...entries.slice(0, room))
    this.#hasDropped ||= entries.length > room
  }
}

function isSame (a: Position, b: Position | undefined): boolean {
  return a.epoch === b?.epoch && a.offset === b.offset && a.hash === b.hash
}
