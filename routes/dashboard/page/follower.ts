import type { Position, ResyncReason } from 'fastify-channels/client'
import { advance, emptyBoard, type Board, type Delta } from '../board.ts'

/** How the page came back after a time without a connection. */
export interface CaughtUp {
  /** By how many deltas the log had moved on. */
  readonly missed: number
  /** How many of them were handed out after all. */
  readonly recovered: number
  /** Why the whole board came in place of them; left out where it did not. */
  readonly anew?: ResyncReason
}

/** The board as this page follows it, and what it can say of how it caught up. */
export class Follower {
  #board: Board = emptyBoard
  #keeper: string | undefined
  /** Of the last delta; undefined before there was a board. */
  #offset: number | undefined
  /** While there is no connection: where we were when it was lost, and how many deltas came since. */
  #away: { readonly offset: number, recovered: number } | undefined
  #caughtUp: CaughtUp | undefined

  get board (): Board {
    return this.#board
  }

  /** The node that appended the newest delta we saw. */
  get keeper (): string | undefined {
    return this.#keeper
  }

  /** The last time; undefined until a connection was lost and came back. */
  get caughtUp (): CaughtUp | undefined {
    return this.#caughtUp
  }

  /** Begins with a whole board; none where nothing was said yet. */
  begin (reason: ResyncReason, { offset }: Position, board: Board = emptyBoard): void {
    this.#board = board
    this.#offset = offset
    this.#back(reason)
  }

  take (delta: Delta, offset: number): void {
    this.#board = advance(this.#board, delta)
    this.#keeper = delta.by
    this.#offset = offset
    if (this.#away) this.#away.recovered++
  }

  /** The connection is lost. Lost again before it caught up, it is still where it was. */
  lost (): void {
    if (this.#offset !== undefined) this.#away ??= { offset: this.#offset, recovered: 0 }
  }

  /** All that was missed has been taken. */
  recovered (): void {
    this.#back()
  }

  #back (anew?: ResyncReason): void {
    if (!this.#away) return
    const { offset, recovered } = this.#away
    this.#away = undefined
    this.#caughtUp = { missed: (this.#offset as number) - offset, recovered, ...(anew && { anew }) }
  }
}

/** What to tell people of it. */
export function caughtUpLine ({ missed, recovered, anew }: CaughtUp): string {
  if (anew) return `Too much was missed to be caught up with (${anew}): this is the newest board.`
  if (missed === 0) return 'Caught up: nothing was missed.'
  return `Caught up: ${recovered} of ${missed} ${missed === 1 ? 'second' : 'seconds'} missed came afterwards, in order.`
}
