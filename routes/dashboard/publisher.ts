import type { Clock, Timer } from '../clock.ts'
import {
  Behind, type NodeResults, type HistoryContent, type NodeInfo, type Position, type Room
} from 'fastify-channels'
import { advance, difference, emptyBoard, type Board, type Delta } from './board.ts'
import type { metrics } from './dashboard.contract.ts'
import { Roster } from './roster.ts'

/** Milliseconds between two deltas. */
const every = 1_000
/** How often a node looks in vain for the next delta before it makes one itself. */
const patience = 2
/**
 * Milliseconds until it looks again for what should be there, and how many more at most, so that not all lose patience
 * at once.
 */
const doubt = 500
const jitter = 250

/** What the publisher needs of the server. */
export interface PublisherSetup {
  /** This node's id. */
  readonly node: string
  readonly room: Pick<Room<typeof metrics.definition>, 'read' | 'broadcast'>
  readonly nodes: () => Promise<NodeResults<NodeInfo>>
  readonly clock: Clock
  /** A number of [0, 1). */
  readonly random: () => number
  readonly failed: (error: unknown) => void
}

/**
 * One node's part in the channel's log. Each second one node asks all for their samples and appends what changed, with
 * the board that comes of it. Nobody is elected: an append counts only at the position that it was made for, so of two
 * that try only one succeeds, and the other reads what it missed.
 *
 *   read ── somebody's delta ──> stand back
 *     └──── nothing, and it was mine last, or is so for the second time ──> ask all ──> append ──> Behind: stand back
 */
export class Publisher {
  readonly #setup: PublisherSetup
  readonly #roster = new Roster()
  #board: Board = emptyBoard
  #position: Position | undefined
  /** Who begins where nobody is need not be patient. */
  #inVain = patience - 1
  #timer: Timer
  #isOver = false

  constructor (setup: PublisherSetup) {
    this.#setup = setup
  }

  start (): void {
    this.#wait(every)
  }

  stop (): void {
    this.#isOver = true
    this.#setup.clock.clearTimeout(this.#timer)
  }

  /** Whether it has lost its patience, or appended last. */
  get #leads (): boolean {
    return this.#inVain >= patience
  }

  #wait (ms: number): void {
    if (!this.#isOver) this.#timer = this.#setup.clock.setTimeout(() => this.#turn(), ms)
  }

  async #turn (): Promise<void> {
    const { clock, random, failed } = this.#setup
    const began = clock.now()
    await this.#second().catch(failed)
    const pause = this.#leads || this.#inVain === 0 ? every : doubt + random() * jitter
    this.#wait(Math.max(0, pause - (clock.now() - began)))
  }

  async #second (): Promise<void> {
    this.#follow(await this.#setup.room.read(this.#position))
    if (!this.#leads) return
    try {
      await this.#append()
    } catch (error) {
      if (!(error instanceof Behind)) throw error
      this.#follow(error)
    }
  }

  /** Takes in what others appended: whoever finds something stands back. */
  #follow ({ position, reason, snapshot, messages }: HistoryContent): void {
    if (reason) this.#board = (snapshot?.state ?? emptyBoard) as Board
    this.#board = messages.reduce((board, { payload }) => advance(board, payload as Delta), this.#board)
    this.#position = position
    this.#inVain = snapshot || messages.length > 0 ? 0 : this.#inVain + 1
  }

  async #append (): Promise<void> {
    const { node, room, nodes, clock } = this.#setup
    const { results } = await nodes()
    const at = clock.now()
    const delta = {
      at, by: node, ...difference(this.#board.metrics, this.#roster.gather(results, this.#board.metrics, at))
    }
    const snapshot = advance(this.#board, delta)
    const { epoch, offset, hash } = await room.broadcast(
      'changed', delta, { after: this.#position as Position, snapshot }
    )
    this.#board = snapshot
    this.#position = { epoch, offset, hash }
  }
}
