import type { EntryPosition } from '../../protocol/encoding.ts'
import type { Position } from '../../protocol/position.ts'
import { firstMessageOf } from './read-recovery.ts'

/** How a logged message stands to what was handed on: the one that follows, known already, or come before one that is missing. */
export type Standing = 'next' | 'known' | 'early'

/** How far a channel's log has been handed on. */
export class HistoryPosition {
  #position: Position | undefined

  /** What a join asks to go on from; undefined while nothing is known of the log. */
  get since (): Position | undefined {
    return this.#position
  }

  /** Begins anew before the first message that the server sent, which is the one after its snapshot where there is one; else at the log's newest place. */
  begin (newest: Position, recovery: unknown): void {
    const first = firstMessageOf(recovery)
    this.#position = first ? { epoch: newest.epoch, offset: first.offset - 1, hash: first.prev } : newest
  }

  /** Moves on to a message, where it is the next. */
  pass ({ offset, hash, prev }: EntryPosition): Standing {
    const position = this.#position
    if (position && offset <= position.offset) return 'known'
    if (!position || position.hash !== prev) return 'early'
    this.#position = { epoch: position.epoch, offset, hash }
    return 'next'
  }
}
