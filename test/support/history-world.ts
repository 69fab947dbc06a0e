import assert from 'node:assert/strict'
import type { Append, AppendOutcome, HistoryEntry, HistoryRead } from '../../lib/cluster/history.ts'
import type { EntryPosition } from '../../lib/protocol/encoding.ts'
import type { Position } from '../../lib/protocol/position.ts'
import { HistoryFollower } from '../../lib/history/history-follower.ts'
import type { EncodedEntry, RecoveryContent } from '../../lib/history/history-cache.ts'
import { FakeClock } from '../../lib/testing/fake-clock.ts'

export const turn = () => new Promise(setImmediate)

export type Told = (epoch: string, entry: HistoryEntry, snapshot: string | undefined) => void

/** A history that a test can make lose entries: the model alone, or an adapter's beside it. */
export interface LogInHands {
  /** Called with each new entry before its append resolves, in place of the other nodes. */
  told: Told
  readonly position: Position
  /** Every entry that was appended and not lost. */
  readonly entries: readonly HistoryEntry[]
  append (append: Omit<Append, 'ttl'>): AppendOutcome | Promise<AppendOutcome>
  read (since: Position | undefined): HistoryRead | Promise<HistoryRead>
  /** The position that the poller would find. */
  top (): Position | undefined | Promise<Position | undefined>
  loseNewest (count: number): void | Promise<void>
  loseAll (): void | Promise<void>
}

/** A read in flight: requested, carried out and answered, each at its own time. */
interface Read {
  readonly since: Position | undefined
  read?: HistoryRead
  resolve (read: HistoryRead): void
  reject (error: Error): void
}

/** What a member has seen: all that came since it began, the last time it had to. */
export class Watcher {
  position!: Position
  seen: EntryPosition[] = []
  resyncs = 0

  begin ({ position, snapshot, messages: frames }: RecoveryContent): void {
    const places = frames.map((frame) => JSON.parse(frame.toString()) as EntryPosition)
    this.position = position
    this.seen = []
    const [first] = places
    if (snapshot && first) assert.equal(first.prev, snapshot.hash, 'what follows a snapshot follows it')
    for (const place of places) this.#add(place)
    assert.equal(this.seen.at(-1)?.hash ?? snapshot?.hash ?? position.hash, position.hash, 'up to the position told')
  }

  goOn ({ position, messages: frames }: RecoveryContent, since: Position): void {
    this.seen = []
    let hash = since.hash
    for (const frame of frames) {
      const place = JSON.parse(frame.toString()) as EntryPosition
      assert.equal(place.prev, hash, 'a replay goes on from where the client was')
      hash = place.hash
      this.#add(place)
    }
    assert.equal(hash, position.hash, 'and up to now')
    this.position = position
  }

  take (logged: EncodedEntry): void {
    assert.equal(logged.prev, this.position.hash, 'every message follows the one before it')
    const place = JSON.parse(logged.encoded.toString()) as EntryPosition
    this.#add(place)
    this.position = { ...this.position, offset: place.offset, hash: place.hash }
  }

  #add (place: EntryPosition): void {
    const last = this.seen.at(-1)
    if (last) assert.deepEqual([place.offset, place.prev], [last.offset + 1, last.hash], 'no entry is missing')
    this.seen.push(place)
  }
}

/** One node's feed over a log that lives elsewhere, with everything in between in the hands of the test. */
export class World<L extends LogInHands = LogInHands> {
  readonly log: L
  readonly clock = new FakeClock()
  readonly sent: Array<Parameters<Told>> = []
  readonly reads: Read[] = []
  readonly watchers: Watcher[] = []
  readonly positions: Position[] = []
  readonly limit: number
  /** How often somebody who said where they were had to begin anew. */
  refusals = 0
  #ids = 0
  readonly feed = new HistoryFollower({
    read: (since) => new Promise((resolve, reject) => { this.reads.push({ since, resolve, reject }) }),
    deliver: (logged) => { for (const watcher of this.watchers) watcher.take(logged) },
    resync: () => {
      for (const watcher of this.watchers) {
        watcher.resyncs++
        watcher.begin(this.feed.resyncContent(1_000) as RecoveryContent)
      }
    }
  }, this.clock)

  constructor (log: L, limit: number) {
    this.log = log
    this.limit = limit
    log.told = (...sent) => this.sent.push(sent)
    this.feed.refresh()
  }

  async append (snapshot = false): Promise<void> {
    const id = `${++this.#ids}`
    const state = snapshot ? id : undefined
    const { outcome } = await this.log.append({
      id,
      encoded: Buffer.from('{"type":"x"}'),
      whenSlow: undefined,
      limit: this.limit,
      ...(state && { after: this.log.position, snapshot: state })
    })
    if (outcome === 'appended') this.positions.push(this.log.position)
  }

  /** A frame arrives, whichever is next. */
  arrive (n: number, keep = false): void {
    const [sent] = keep ? [this.sent[n % this.sent.length]] : this.sent.splice(n % this.sent.length, 1)
    if (sent) this.feed.receive(...sent)
  }

  async carryOut (n: number): Promise<void> {
    const open = this.reads.filter(({ read }) => read === undefined)
    const asked = open[n % open.length]
    if (asked) asked.read = await this.log.read(asked.since)
  }

  answer (n: number): void {
    const done = this.reads.filter(({ read }) => read !== undefined)
    const asked = done[n % done.length]
    if (!asked) return
    this.reads.splice(this.reads.indexOf(asked), 1)
    asked.resolve(asked.read as HistoryRead)
  }

  fail (n: number): void {
    const [asked] = this.reads.splice(n % this.reads.length, 1)
    asked?.reject(new Error('away'))
  }

  /** Somebody joins, perhaps from where the log once was. */
  async join (since: Position | undefined): Promise<void> {
    if (!this.feed.position) return
    const isSettled = since && await this.feed.catchUpWith(since).then(() => true, () => false)
    const watcher = new Watcher()
    const replay = this.feed.recoveryAfter(since, 1_000) as RecoveryContent
    if (isSettled && replay.reason) this.refusals++
    if (since && !replay.reason) watcher.goOn(replay, since)
    else watcher.begin(replay)
    this.watchers.push(watcher)
  }

  /** All that is lost stays lost; whatever nobody told of is found by the position check. */
  async settle (): Promise<void> {
    this.sent.length = 0
    for (let i = 0; i < 100; i++) {
      while (this.reads.length > 0) {
        await this.carryOut(0)
        this.answer(0)
        await turn()
      }
      const { hash, epoch } = this.log.position
      if (this.feed.position?.hash === hash && this.feed.position.epoch === epoch) return
      this.clock.advance(500)
      this.feed.comparePosition(await this.log.top())
    }
    throw new Error('it never caught up')
  }
}
