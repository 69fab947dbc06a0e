import type { Position, ResyncReason } from 'fastify-channels/client'
import { advance, emptyBoard, type Board, type Delta } from '../board.ts'

/** How the page recovered after a time without a connection. */
export interface CaughtUp {
  /** The number of deltas that were appended meanwhile. */
  readonly missed: number
  /** The number of those deltas that the page received after all. */
  readonly recovered: number
  /** Why a whole board came in their place; left out when none did. */
  readonly resyncReason?: ResyncReason
}

/** This page's copy of the board, and how its last recovery went. */
export class Follower {
  #board: Board = emptyBoard
  #keeper: string | undefined
  /** The position of the last delta; undefined before the first board. */
  #offset: number | undefined
  /** While there is no connection: the position at which it was lost, and the deltas received since. */
  #away: { readonly offset: number, recovered: number } | undefined
  #caughtUp: CaughtUp | undefined

  get board (): Board {
    return this.#board
  }

  /** The node that appended the newest delta on this page. */
  get keeper (): string | undefined {
    return this.#keeper
  }

  /** The last recovery; undefined until a connection was lost and came back. */
  get caughtUp (): CaughtUp | undefined {
    return this.#caughtUp
  }

  /** Starts with a whole board, or an empty one when the history has no snapshot. */
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

  /** The connection is lost. A second loss before the recovery keeps the first position. */
  lost (): void {
    if (this.#offset !== undefined) this.#away ??= { offset: this.#offset, recovered: 0 }
  }

  /** Every missed delta has been applied. */
  recovered (): void {
    this.#back()
  }

  #back (resyncReason?: ResyncReason): void {
    if (!this.#away) return
    const { offset, recovered } = this.#away
    this.#away = undefined
    this.#caughtUp = { missed: (this.#offset as number) - offset, recovered, ...(resyncReason && { resyncReason }) }
  }
}

/** A sentence about the recovery. */
export function caughtUpLine ({ missed, recovered, resyncReason }: CaughtUp): string {
  if (resyncReason) return `Too much was missed to be caught up with (${resyncReason}): this is the newest board.`
  if (missed === 0) return 'Caught up: nothing was missed.'
  return `Caught up: ${recovered} of ${missed} ${missed === 1 ? 'second' : 'seconds'} missed came afterwards, in order.`
}
