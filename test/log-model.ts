import type { Keyframe, LogAppend, LogAppended, LogEntry, LogRead, ReadReason } from '../lib/adapters/adapter.ts'
import type { Position } from '../lib/protocol/log.ts'
import type { LogInHands, Told } from './feed-world.ts'

type Append = Omit<LogAppend, 'ttl'>

/**
 * A log as the port describes it, in the plainest words that there are, without age and bounds on bytes: what adapters are measured by, and what rooms
 * are made to follow. It can also do what no adapter offers: lose its newest entries and go on, as a Redis does whose replica took over too early.
 */
export class LogModel implements LogInHands {
  told: Told = () => {}
  #epochs = 1
  #links = 0
  epoch = 'epoch 1'
  /** All that was ever appended and not lost; `kept` of them, from the end, are still there. */
  entries: LogEntry[] = []
  kept = 0
  keyframe: Keyframe | undefined
  ids = new Map<string, LogEntry>()
  /** How each entry came to be. */
  #appends: Append[] = []

  get position (): Position {
    const { offset, link } = this.entries.at(-1) ?? { offset: 0, link: '' }
    return { epoch: this.epoch, offset, link }
  }

  get held (): LogEntry[] {
    return this.kept === 0 ? [] : this.entries.slice(-this.kept)
  }

  append (append: Append, link = `link ${++this.#links}`): LogAppended {
    const { id, expect, keyframe, limit } = append
    const known = this.ids.get(id)
    if (known) return { outcome: 'duplicate', position: { epoch: this.epoch, offset: known.offset, link: known.link } }
    if (expect && !isSame(expect, this.position)) return { outcome: 'behind', missed: this.read(expect) }
    if (keyframe === undefined && this.kept >= 4 * limit) return { outcome: 'full', retryAfter: 1_000 }
    this.told(this.epoch, this.#add(append, link), keyframe)
    return { outcome: 'appended', position: this.position }
  }

  read (since?: Position): LogRead {
    const reason = this.#reason(since)
    if (!reason) return { position: this.position, entries: this.entries.filter(({ offset }) => offset > (since as Position).offset) }
    return { position: this.position, reason, entries: this.held, ...(this.keyframe && { keyframe: this.keyframe }) }
  }

  top (): Position {
    return this.position
  }

  /** The newest `count` entries were never here: what they pushed out is back. */
  loseNewest (count: number): void {
    const links = this.entries.map(({ link }) => link)
    const appends = this.#appends.slice(0, Math.max(0, this.#appends.length - count))
    this.#forget()
    for (const [i, append] of appends.entries()) this.#add(append, links[i] as string)
  }

  loseAll (): void {
    this.epoch = `epoch ${++this.#epochs}`
    this.#forget()
  }

  #add (append: Append, link: string): LogEntry {
    const { id, frame, whenSlow, keyframe, limit } = append
    const { offset, link: prev } = this.position
    const entry = { offset: offset + 1, id, link, prev, frame, whenSlow }
    this.#appends.push(append)
    this.entries.push(entry)
    this.ids.set(id, entry)
    if (keyframe !== undefined) this.keyframe = { offset: entry.offset, link, state: keyframe }
    const sinceKeyframe = this.keyframe ? entry.offset - this.keyframe.offset : 0
    this.kept = Math.min(this.kept + 1, Math.max(limit, sinceKeyframe))
    return entry
  }

  #forget (): void {
    this.#appends = []
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
