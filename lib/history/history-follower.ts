import type { HistoryEntry, HistoryRead } from '../cluster/history.ts'
import type { UnrecoverableReason } from '../protocol/recoverability.ts'
import type { Clock, Timer } from '../clock.ts'
import type { Position } from '../protocol/position.ts'
import { CoalescedTask } from './coalesced-task.ts'
import { HistoryCache, type EncodedEntry, type RecoveryContent } from './history-cache.ts'

/** Entries that may wait for a read; more are forgotten, and read. */
const maxHeld = 1_000
/** Milliseconds that an entry of our own may take to come back before it is read. */
const patience = 60
/** Milliseconds until a read that failed is tried again. */
const readAgain = 500

interface Held { readonly epoch: string, readonly entry: HistoryEntry, readonly snapshot: string | undefined }

export interface HistoryFollowerEvents {
  read (since: Position | undefined): Promise<HistoryRead>
  /** The next entry, for every member. */
  deliver (logged: EncodedEntry): void
  /** Members begin anew: something between what they have and what comes is lost. */
  resync (reason: UnrecoverableReason): void
}

/**
 * One channel's log as this node follows it: every entry once, in order, whatever was lost or late on the way here.
 *
 *   entry ── follows the last one ──> delivered
 *     ├──── known ──> dropped
 *     └──── a hole, or not our log ──> held ──> read ──> what was missed, or `resync` ──> the held ones again
 */
export class HistoryFollower {
  readonly #events: HistoryFollowerEvents
  readonly #clock: Clock
  readonly #reads: CoalescedTask
  #tail: HistoryCache | undefined
  #held: Held[] = []
  /** Held entries were forgotten: they have to be read. */
  #overflowed = false
  #timer: Timer
  #over = false
  #isLate = false

  constructor (events: HistoryFollowerEvents, clock: Clock) {
    this.#events = events
    this.#clock = clock
    this.#reads = new CoalescedTask(() => this.#read())
  }

  /** Of the last entry delivered; undefined until the log was read for the first time. */
  get position (): Position | undefined {
    return this.#tail?.position
  }

  /** Reads what we do not know yet. Resolves once all of it is delivered that was in the log when this was called. */
  catchUp (): Promise<void> {
    return this.#reads.run()
  }

  /** Goes on without the log where that cannot be read now: its members begin anew when it can. */
  startWithoutHistory (): void {
    this.#isLate = true
    this.refresh()
  }

  /** The same where nobody waits for it: what fails is tried again until it works. */
  refresh (): void {
    this.catchUp().catch(() => {
      if (this.#over) return
      this.#clock.clearTimeout(this.#timer)
      this.#timer = this.#clock.setTimeout(() => this.refresh(), readAgain)
    })
  }

  receive (epoch: string, entry: HistoryEntry, snapshot?: string): void {
    const held = { epoch, entry, snapshot }
    if (!this.#tail || this.#reads.isRunning) return this.#hold(held)
    if (this.#take(this.#tail, held)) return
    this.#hold(held)
    this.refresh()
  }

  /** We appended, and the entry should be on its way here. */
  expectEntry (position: Position): void {
    if (!this.#isBehind(position)) return
    this.#clock.clearTimeout(this.#timer)
    this.#timer = this.#clock.setTimeout(() => { if (this.#isBehind(position)) this.refresh() }, patience)
  }

  /** Reads unless this, the position of the log itself, is ours: it may also have lost what we have seen. Undefined: it holds nothing. */
  comparePosition (position: Position | undefined): void {
    const own = this.position
    const isOurs = position ? isSame(position, own) : own?.offset === 0
    if (!isOurs) this.refresh()
  }

  /** What a client that joins is told, after `settle`; undefined while the log could not be read. */
  recoveryAfter (since: Position | undefined, history: number): RecoveryContent | undefined {
    return this.#tail?.recoveryAfter(since, history)
  }

  /** What members are told that begin anew. */
  resyncContent (history: number): RecoveryContent | undefined {
    return this.#tail?.resyncContent('fresh', history)
  }

  /** What this node knows may lag behind what a client has seen elsewhere: then it reads before it answers. */
  async catchUpWith (since: Position): Promise<void> {
    const reason = this.recoveryAfter(since, 0)?.reason
    if (reason === 'epoch' || reason === 'future' || reason === 'fork') await this.catchUp()
  }

  close (): void {
    this.#over = true
    this.#clock.clearTimeout(this.#timer)
  }

  #isBehind ({ epoch, offset, hash }: Position): boolean {
    const { position } = this
    return position === undefined || epoch !== position.epoch || offset > position.offset || (offset === position.offset && hash !== position.hash)
  }

  async #read (): Promise<void> {
    const early = this.#held.length
    this.#overflowed = false
    const read = await this.#events.read(this.position)
    if (!this.#over) this.#digest(read, early)
  }

  /** `early`: how many of the held entries came before the read began; it knows better than they do. */
  #digest (read: HistoryRead, early: number): void {
    const hasMembers = this.#tail !== undefined || this.#isLate
    if (this.#tail && !read.reason) for (const entry of read.entries) this.#events.deliver(this.#tail.append(entry))
    else this.#tail = new HistoryCache(read)
    if (hasMembers && read.reason) this.#events.resync(read.reason)
    this.#release(this.#tail, early)
  }

  /** Hands out the held entries that follow. One that does not is read, with what is behind it. */
  #release (tail: HistoryCache, early: number): void {
    const held = this.#held.filter((entry, i) => !this.#take(tail, entry) && i >= early)
    this.#held = held
    if (held.length > 0 || this.#overflowed) this.refresh()
  }

  /** Whether nothing more is to be done about an entry: it is delivered, or known. */
  #take (tail: HistoryCache, { epoch, entry, snapshot }: Held): boolean {
    if (!tail.follows(epoch, entry)) return tail.contains(epoch, entry)
    this.#events.deliver(tail.append(entry, snapshot))
    return true
  }

  #hold (held: Held): void {
    if (this.#held.length < maxHeld) this.#held.push(held)
    else this.#overflowed = true
  }
}

function isSame (a: Position, b: Position | undefined): boolean {
  return a.epoch === b?.epoch && a.offset === b.offset && a.hash === b.hash
}
