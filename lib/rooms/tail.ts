import type { Keyframe, LogEntry, LogRead, ReadReason } from '../adapters/adapter.ts'
import { placed, type Frame, type WhenSlow } from '../protocol/frame.ts'
import type { Position } from '../protocol/log.ts'

/** A logged message as members get it. */
export interface LoggedFrame {
  readonly offset: number
  readonly link: string
  readonly prev: string
  readonly frame: Frame
  readonly whenSlow: WhenSlow
}

/** How much is sent to a client that comes back, and kept here for that. */
const maxEntries = 1_000
const maxBytes = 1_048_576

/** What a client is told of a log: all that came after where it was, or, with a reason, where to begin anew. */
export interface Replay {
  readonly position: Position
  readonly reason?: ReadReason
  readonly keyframe?: Keyframe
  readonly frames: readonly Frame[]
}

/**
 * The newest part of a channel's log, kept by this node so that clients who come back cost the adapter nothing: the newest keyframe with all
 * that came after it, and before it as much as fits the bound.
 */
export class Tail {
  #position: Position
  #keyframe: Keyframe | undefined
  #entries: LoggedFrame[] = []
  #bytes = 0
  /** Whether something was left out for the bound's sake, and not because the log does not have it. */
  #isCut = false

  /** Begins with what a read told. */
  constructor ({ position, keyframe, entries }: LogRead) {
    this.#position = position
    this.#keyframe = keyframe
    for (const entry of entries) this.#add(loggedFrame(entry))
    this.#isCut = entries.length >= maxEntries
    this.#trim()
  }

  /** As of the newest entry. */
  get position (): Position {
    return this.#position
  }

  follows (epoch: string, { offset, prev }: LogEntry): boolean {
    return epoch === this.#position.epoch && offset === this.#position.offset + 1 && prev === this.#position.link
  }

  /** Whether this entry is behind us: it came before. One with the same offset and another link did not. */
  knows (epoch: string, { offset, link }: LogEntry): boolean {
    if (epoch !== this.#position.epoch || offset > this.#position.offset) return false
    return (this.#linkAt(offset) ?? link) === link
  }

  /** Takes the entry that follows. */
  push (entry: LogEntry, keyframe?: string): LoggedFrame {
    const logged = loggedFrame(entry)
    const { offset, link } = logged
    this.#position = { epoch: this.#position.epoch, offset, link }
    if (keyframe !== undefined) this.#keyframe = { offset, link, state: keyframe }
    this.#add(logged)
    this.#trim()
    return logged
  }

  /** What came after `since`, or why that cannot be told. */
  after (since: Position | undefined, history: number): Replay {
    const reason = since ? this.#whyNot(since) : 'fresh'
    if (reason) return this.anew(reason, history)
    return { position: this.#position, frames: this.#from((since as Position).offset).map(({ frame }) => frame) }
  }

  /** Where to begin anew: the keyframe and what came after it, else the newest `history` messages. */
  anew (reason: ReadReason, history: number): Replay {
    const keyframe = this.#keyframe
    const entries = keyframe ? this.#from(keyframe.offset) : this.#entries.slice(-history)
    return { position: this.#position, reason, ...(keyframe && { keyframe }), frames: entries.map(({ frame }) => frame) }
  }

  #whyNot ({ epoch, offset, link }: Position): ReadReason | undefined {
    if (epoch !== this.#position.epoch) return 'epoch'
    if (offset > this.#position.offset) return 'future'
    const known = this.#linkAt(offset)
    if (known === undefined) return this.#isCut ? 'limit' : 'trimmed'
    if (known !== link) return 'fork'
    return isWithinBound(this.#from(offset)) ? undefined : 'limit'
  }

  /** The link of the entry with that offset; undefined where we cannot tell. */
  #linkAt (offset: number): string | undefined {
    if (offset === this.#position.offset) return this.#position.link
    return this.#from(offset)[0]?.offset === offset + 1 ? this.#from(offset)[0]?.prev : undefined
  }

  /** The entries after an offset. */
  #from (offset: number): LoggedFrame[] {
    return this.#entries.slice(Math.max(0, offset + 1 - this.#first))
  }

  get #first (): number {
    return this.#entries[0]?.offset ?? this.#position.offset + 1
  }

  #add (logged: LoggedFrame): void {
    this.#entries.push(logged)
    this.#bytes += logged.frame.length
  }

  #trim (): void {
    const kept = this.#keyframe?.offset ?? Infinity
    let n = 0
    while (n < this.#entries.length && (this.#entries.length - n > maxEntries || this.#bytes > maxBytes)) {
      const { offset, frame } = this.#entries[n] as LoggedFrame
      if (offset > kept) break
      this.#bytes -= frame.length
      n++
    }
    if (n > 0) this.#isCut = true
    this.#entries.splice(0, n)
  }
}

function isWithinBound (entries: readonly LoggedFrame[]): boolean {
  return entries.length <= maxEntries && entries.reduce((bytes, { frame }) => bytes + frame.length, 0) <= maxBytes
}

function loggedFrame (entry: LogEntry): LoggedFrame {
  const { offset, link, prev, whenSlow } = entry
  return { offset, link, prev, whenSlow, frame: placed(entry.frame, entry) }
}
