import type { Keyframe, LogAppend, LogAppended, LogEntry, LogRead, ReadReason } from '../lib/adapters/adapter.ts'
import type { Position } from '../lib/protocol/log.ts'

/**
 * A log as the port describes it, in the plainest words that there are, without age and bounds on bytes: what adapters are measured by, and what rooms
 * are made to follow. It can also do what no adapter offers: lose its newest entries and go on, as a Redis does whose replica took over too early.
 */
export class LogModel {
  #epochs = 1
  #links = 0
  epoch = 'epoch 1'
  /** All that was ever appended and not lost; `kept` of them, from the end, are still there. */
  entries: LogEntry[] = []
  kept = 0
  keyframe: Keyframe | undefined
  ids = new Map<string, LogEntry>()

  get position (): Position {
    const { offset, link } = this.entries.at(-1) ?? { offset: 0, link: '' }
    return { epoch: this.epoch, offset, link }
  }

  get held (): LogEntry[] {
    return this.kept === 0 ? [] : this.entries.slice(-this.kept)
  }

  append ({ id, frame, whenSlow, expect, keyframe, limit }: Omit<LogAppend, 'ttl'>, link = `link ${++this.#links}`): LogAppended {
    const known = this.ids.get(id)
    if (known) return { outcome: 'duplicate', position: { epoch: this.epoch, offset: known.offset, link: known.link } }
    if (expect && !isSame(expect, this.position)) return { outcome: 'behind', missed: this.read(expect) }
    if (keyframe === undefined && this.kept >= 4 * limit) return { outcome: 'full', retryAfter: 1_000 }
    const { offset, link: prev } = this.position
    const entry = { offset: offset + 1, id, link, prev, frame, whenSlow }
    this.entries.push(entry)
    this.ids.set(id, entry)
    if (keyframe !== undefined) this.keyframe = { offset: entry.offset, link, state: keyframe }
    const sinceKeyframe = this.keyframe ? entry.offset - this.keyframe.offset : 0
    this.kept = Math.min(this.kept + 1, Math.max(limit, sinceKeyframe))
    return { outcome: 'appended', position: this.position }
  }

  read (since?: Position): LogRead {
    const reason = this.#reason(since)
    if (!reason) return { position: this.position, entries: this.entries.filter(({ offset }) => offset > (since as Position).offset) }
    return { position: this.position, reason, entries: this.held, ...(this.keyframe && { keyframe: this.keyframe }) }
  }

  /** The newest `count` entries were never here. */
  loseNewest (count: number): void {
    for (const { id } of this.entries.splice(this.entries.length - Math.min(count, this.kept))) this.ids.delete(id)
    this.kept -= Math.min(count, this.kept)
    if (this.keyframe && this.keyframe.offset > this.position.offset) this.keyframe = undefined
  }

  loseAll (): void {
    this.epoch = `epoch ${++this.#epochs}`
    this.entries = []
    this.kept = 0
    this.keyframe = undefined
    this.ids = new Map()
  }

  #reason (since: Position | undefined): ReadReason | undefined {
    if (!since) return 'fresh'
    if (since.epoch !== this.epoch) return 'epoch'
    if (since.offset > this.position.offset) return 'future'
    if (since.offset < this.position.offset - this.kept) return 'trimmed'
    const link = since.offset === 0 ? '' : this.entries[since.offset - 1]?.link
    return link === since.link ? undefined : 'fork'
  }
}

function isSame (a: Position, b: Position): boolean {
  return a.epoch === b.epoch && a.offset === b.offset && a.link === b.link
}
