import type { Clock, Timer } from '../clock.ts'
import {
  Behind, type NodeResults, type HistoryContent, type NodeInfo, type Position, type Room
} from 'fastify-channels'
import { advance, difference, emptyBoard, type Board, type Delta } from './board.ts'
import type { metrics } from './dashboard.contract.ts'
import { Roster } from './roster.ts'

/** Milliseconds between two deltas. */
const deltaIntervalMs = 1_000
/** The number of missed deltas after which a node appends one itself. */
const maxMissedDeltas = 2
/**
 * Milliseconds until the node looks for a missing delta again, and the random addition that keeps nodes from all
 * appending at once.
 */
const retryMs = 500
const retryJitterMs = 250

/** The publisher's collaborators. */
export interface PublisherDeps {
  /** This node's id. */
  readonly node: string
  readonly room: Pick<Room<typeof metrics.definition>, 'read' | 'append'>
  readonly nodes: () => Promise<NodeResults<NodeInfo>>
  readonly clock: Clock
  /** A number of [0, 1). */
  readonly random: () => number
  readonly failed: (error: unknown) => void
}

/**
 * One node's part in the channel's history. Each second one node asks all nodes for their samples and appends the
 * changes, with the resulting board as the snapshot. There is no election: an append succeeds only at the position that
 * it was made for, so one of two concurrent appends succeeds and the other node reads what it missed.
 *
 *   read ── a delta of another node ──> wait for the next second
 *     └──── no delta, and this node appended last or has missed two ──> ask all ──> append ──> Behind: read again
 */
export class Publisher {
  readonly #deps: PublisherDeps
  readonly #roster = new Roster()
  #board: Board = emptyBoard
  #position: Position | undefined
  /** A node that starts in an empty channel appends without waiting. */
  #missedDeltas = maxMissedDeltas - 1
  #timer: Timer
  #isOver = false

  constructor (deps: PublisherDeps) {
    this.#deps = deps
  }

  start (): void {
    this.#wait(deltaIntervalMs)
  }

  stop (): void {
    this.#isOver = true
    this.#deps.clock.clearTimeout(this.#timer)
  }

  /** Whether this node appended last, or has missed enough deltas to append one. */
  get #mayAppend (): boolean {
    return this.#missedDeltas >= maxMissedDeltas
  }

  #wait (ms: number): void {
    if (!this.#isOver) this.#timer = this.#deps.clock.setTimeout(() => this.#tick(), ms)
  }

  async #tick (): Promise<void> {
    const { clock, random, failed } = this.#deps
    const began = clock.now()
    await this.#advance().catch(failed)
    const pause = this.#mayAppend || this.#missedDeltas === 0 ? deltaIntervalMs : retryMs + random() * retryJitterMs
    this.#wait(Math.max(0, pause - (clock.now() - began)))
  }

  async #advance (): Promise<void> {
    this.#follow(await this.#deps.room.read(this.#position))
    if (!this.#mayAppend) return
    try {
      await this.#append()
    } catch (error) {
      if (!(error instanceof Behind)) throw error
      this.#follow(error)
    }
  }

  /** Applies the deltas of other nodes. A node that finds one does not append this second. */
  #follow ({ position, reason, snapshot, messages }: HistoryContent): void {
    if (reason) this.#board = (snapshot?.state ?? emptyBoard) as Board
    this.#board = messages.reduce((board, { payload }) => advance(board, payload as Delta), this.#board)
    this.#position = position
    this.#missedDeltas = snapshot || messages.length > 0 ? 0 : this.#missedDeltas + 1
  }

  async #append (): Promise<void> {
    const { node, room, nodes, clock } = this.#deps
    const { results } = await nodes()
    const at = clock.now()
    const delta = {
      at, by: node, ...difference(this.#board.metrics, this.#roster.gather(results, this.#board.metrics, at))
    }
    const snapshot = advance(this.#board, delta)
    const { epoch, offset, hash } = await room.append(
      'changed', delta, { after: this.#position as Position, snapshot }
    )
    this.#board = snapshot
    this.#position = { epoch, offset, hash }
  }
}
