import assert from 'node:assert/strict'
import type { Append, AppendOutcome, HistoryEntry, HistoryRead } from '../../lib/cluster/history.ts'
import type { EntryPosition, Position } from '../../lib/protocol/position.ts'
import { HistoryFollower } from '../../lib/history/history-follower.ts'
import type { EncodedEntry, RecoveryContent } from '../../lib/history/history-cache.ts'
import { FakeClock } from '../../lib/testing/fake-clock.ts'

/** Resolves in the next iteration of the event loop, after all settled promises have run. */
export const nextTick = () => new Promise(setImmediate)

export type EntryListener = (epoch: string, entry: HistoryEntry, snapshot: string | undefined) => void

/** A history from which a test can remove entries, as a failover of Redis does. */
export interface LossyHistory {
  /** Called with each new entry before its append resolves. It stands for the other nodes. */
  onEntry: EntryListener
  readonly position: Position
  /** The entries that were appended and not lost, including trimmed ones. */
  readonly entries: readonly HistoryEntry[]
  append (append: Omit<Append, 'ttl'>): AppendOutcome | Promise<AppendOutcome>
  read (since: Position | undefined): HistoryRead | Promise<HistoryRead>
  /** The position that the periodic position check finds. */
  top (): Position | undefined | Promise<Position | undefined>
  loseNewest (count: number): void | Promise<void>
  loseAll (): void | Promise<void>
}

/** A pending read. The test decides when it runs, and when its result arrives. */
interface PendingRead {
  readonly since: Position | undefined
  result?: HistoryRead
  resolve (read: HistoryRead): void
  reject (error: Error): void
}

/** A member of the channel. It asserts that its entries arrive in order and without a gap. */
export class SimulatedMember {
  position!: Position
  /** The entries since the join or the last resync. */
  seen: EntryPosition[] = []
  resyncs = 0

  /** Starts again with this content, after a join without a position or after a resync. */
  resync ({ position, snapshot, messages }: RecoveryContent): void {
    const entries = messages.map((message) => JSON.parse(message.toString()) as EntryPosition)
    this.position = position
    this.seen = []
    const [first] = entries
    if (snapshot && first) assert.equal(first.prev, snapshot.hash, 'the first entry follows the snapshot')
    for (const entry of entries) this.#add(entry)
    const newest = this.seen.at(-1)?.hash ?? snapshot?.hash ?? position.hash
    assert.equal(newest, position.hash, 'the last entry is at the announced position')
  }

  /** Continues after `since` with this content. */
  recover ({ position, messages }: RecoveryContent, since: Position): void {
    this.seen = []
    let hash = since.hash
    for (const message of messages) {
      const entry = JSON.parse(message.toString()) as EntryPosition
      assert.equal(entry.prev, hash, 'the recovery continues after the position of the client')
      hash = entry.hash
      this.#add(entry)
    }
    assert.equal(hash, position.hash, 'the recovery ends at the announced position')
    this.position = position
  }

  receive ({ prev, encoded }: EncodedEntry): void {
    assert.equal(prev, this.position.hash, 'each message follows the message before it')
    const entry = JSON.parse(encoded.toString()) as EntryPosition
    this.#add(entry)
    this.position = { ...this.position, offset: entry.offset, hash: entry.hash }
  }

  #add (entry: EntryPosition): void {
    const last = this.seen.at(-1)
    if (last) assert.deepEqual([entry.offset, entry.prev], [last.offset + 1, last.hash], 'no entry is missing')
    this.seen.push(entry)
  }
}

/**
 * The history follower of one node, and a history on another machine. The test decides when, in which order and how
 * often entries and the results of reads arrive.
 */
export class FollowerSimulation<H extends LossyHistory = LossyHistory> {
  readonly history: H
  readonly clock = new FakeClock()
  /** The entries that were published and have not arrived at the follower. */
  readonly sent: Array<Parameters<EntryListener>> = []
  readonly reads: PendingRead[] = []
  readonly members: SimulatedMember[] = []
  /** The offsets of each call that delivered entries. */
  readonly delivered: number[][] = []
  /** The position after each append, in order. */
  readonly positions: Position[] = []
  readonly limit: number
  /** The number of joins whose position could not be recovered. */
  refusals = 0
  #ids = 0
  readonly follower = new HistoryFollower({
    read: (since) => new Promise((resolve, reject) => { this.reads.push({ since, resolve, reject }) }),
    deliver: (entries) => {
      this.delivered.push(entries.map(({ offset }) => offset))
      for (const member of this.members) for (const entry of entries) member.receive(entry)
    },
    resync: () => {
      for (const member of this.members) {
        member.resyncs++
        member.resync(this.follower.resyncContent(1_000) as RecoveryContent)
      }
    }
  }, this.clock)

  constructor (history: H, limit: number) {
    this.history = history
    this.limit = limit
    history.onEntry = (...sent) => this.sent.push(sent)
    this.follower.refresh()
  }

  async append (snapshot = false): Promise<void> {
    const id = `${++this.#ids}`
    const state = snapshot ? id : undefined
    const { outcome } = await this.history.append({
      id,
      encoded: Buffer.from('{"type":"x"}'),
      whenSlow: undefined,
      limit: this.limit,
      ...(state && { after: this.history.position, snapshot: state })
    })
    if (outcome === 'appended') this.positions.push(this.history.position)
  }

  /**
   * Delivers up to `count` of the sent entries together, beginning with the one that `n` chooses. `keep`: they will
   * arrive a second time.
   */
  deliver (n: number, keep = false, count = 1): void {
    const at = n % Math.max(1, this.sent.length)
    const [first, ...rest] = keep ? this.sent.slice(at, at + count) : this.sent.splice(at, count)
    if (!first) return
    const [epoch] = first
    const sameEpoch = [first, ...rest.filter(([other]) => other === epoch)]
    this.follower.receive(epoch, sameEpoch.map(([, entry, snapshot]) => ({ entry, snapshot })))
  }

  /** Loses one of the sent entries, chosen by `n`. */
  loseSent (n: number): void {
    this.sent.splice(n % Math.max(1, this.sent.length), 1)
  }

  /** Runs one of the pending reads, chosen by `n`. Its result arrives later, by `answerRead`. */
  async runRead (n: number): Promise<void> {
    const waiting = this.reads.filter(({ result }) => result === undefined)
    const read = waiting[n % waiting.length]
    if (read) read.result = await this.history.read(read.since)
  }

  /** Delivers the result of one of the reads that have run, chosen by `n`. */
  answerRead (n: number): void {
    const done = this.reads.filter(({ result }) => result !== undefined)
    const read = done[n % done.length]
    if (!read) return
    this.reads.splice(this.reads.indexOf(read), 1)
    read.resolve(read.result as HistoryRead)
  }

  /** Rejects one of the pending reads, chosen by `n`. */
  failRead (n: number): void {
    const [read] = this.reads.splice(n % this.reads.length, 1)
    read?.reject(new Error('the history is unreachable'))
  }

  /** Adds a member. `since`: the position up to which it knows the history. */
  async join (since: Position | undefined): Promise<void> {
    if (!this.follower.position) return
    const isSettled = since && await this.follower.catchUpWith(since).then(() => true, () => false)
    const member = new SimulatedMember()
    const recovery = this.follower.recoveryAfter(since, 1_000) as RecoveryContent
    if (isSettled && recovery.reason) this.refusals++
    if (since && !recovery.reason) member.recover(recovery, since)
    else member.resync(recovery)
    this.members.push(member)
  }

  /**
   * Loses all sent entries, then lets the position check find them, until the follower is at the end of the history.
   */
  async settle (): Promise<void> {
    this.sent.length = 0
    for (let i = 0; i < 100; i++) {
      while (this.reads.length > 0) {
        await this.runRead(0)
        this.answerRead(0)
        await nextTick()
      }
      const { hash, epoch } = this.history.position
      if (this.follower.position?.hash === hash && this.follower.position.epoch === epoch) return
      this.clock.advance(500)
      this.follower.comparePosition(await this.history.top())
    }
    throw new Error('the follower did not reach the end of the history')
  }
}
