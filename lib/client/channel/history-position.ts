import type { EntryPosition } from '../../protocol/encoding.ts'
import type { Position } from '../../protocol/position.ts'
import { entryOf, messagesOf } from './read-recovery.ts'

/** How an entry relates to the position: the next one, one delivered before, or one after a missing entry. */
export type EntryOrder = 'next' | 'known' | 'gap'

/** The newest entry of a channel's history that was delivered. */
export class HistoryPosition {
  #position: Position | undefined

  /** The position from which a join asks to recover; undefined before the first one is known. */
  get since (): Position | undefined {
    return this.#position
  }

  /** Moves to the position before the first entry that the server sent, or to `newest` when it sent none. */
  reset (newest: Position, recovery: unknown): void {
    const first = entryOf(messagesOf(recovery)[0])
    this.#position = first ? { epoch: newest.epoch, offset: first.offset - 1, hash: first.prev } : newest
  }

  /** Moves to an entry if that entry is the next one. */
  advance ({ offset, hash, prev }: EntryPosition): EntryOrder {
    const position = this.#position
    if (position && offset <= position.offset) return 'known'
    if (!position || position.hash !== prev) return 'gap'
    this.#position = { epoch: position.epoch, offset, hash }
    return 'next'
  }
}
