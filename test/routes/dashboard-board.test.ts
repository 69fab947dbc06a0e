import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { clusterTimings } from '../../lib/cluster/timings.ts'
import { StoredHistory } from '../../lib/memory/stored-history.ts'
import type { Position } from '../../lib/protocol/position.ts'
import {
  advance, difference, emptyBoard, kept, type Board, type Delta, type Metrics
} from '../../routes/dashboard/board.ts'
import { Roster } from '../../routes/dashboard/roster.ts'
import { cases } from '../support/long-form.ts'

t.test('board: a delta holds new, changed and removed metrics and nothing else', async (t) => {
  t.strictSame(difference({ 'a/cpu': 1, 'a/rooms': 2, 'b/cpu': 0 }, { 'a/cpu': 1, 'a/rooms': 3, 'c/cpu': 0 }), {
    set: { 'a/rooms': 3, 'c/cpu': 0 }, del: ['b/cpu']
  })
  t.strictSame(difference({ 'a/cpu': 1 }, { 'a/cpu': 1 }), { set: {}, del: [] })
})

t.test('board: it applies deltas and aligns the points of drawn metrics', async (t) => {
  const first = advance(emptyBoard, { at: 1, set: { 'a/cpu': 10, 'a/rooms': 2 }, del: [] })
  const second = advance(first, { at: 2, set: { 'b/cpu': 20 }, del: ['a/cpu'] })
  t.strictSame(second, {
    metrics: { 'a/rooms': 2, 'b/cpu': 20 },
    points: { at: [1, 2], series: { 'a/cpu': [10, null], 'b/cpu': [null, 20] } }
  })
  t.strictSame(first.points, { at: [1], series: { 'a/cpu': [10] } }, 'the one before stays as it was')
  t.strictSame(emptyBoard.points.at, [])
})

t.test('board: it keeps the newest points, and a series only while it has one', async (t) => {
  const begun = advance(emptyBoard, { at: 0, set: { 'a/cpu': 1, 'b/cpu': 2 }, del: [] })
  const later = (seconds: number) =>
    Array.from({ length: seconds }, (_, i) => ({ at: i + 1, set: {}, del: ['b/cpu'] })).reduce(advance, begun)
  t.equal(later(kept - 1).points.at.length, kept)
  t.strictSame(later(kept - 1).points.series['b/cpu']?.slice(0, 2), [2, null])
  t.equal(later(kept).points.at.length, kept)
  t.strictSame(Object.keys(later(kept).points.series), ['a/cpu'])
  t.equal(later(kept).points.series['a/cpu']?.length, kept)
})

interface Tick { readonly after: Metrics, readonly lost: boolean, readonly reloads: boolean }

const keys = ['a', 'b', 'c'].flatMap((node) => ['cpu', 'rooms', 'loop.p99'].map((name) => `${node}/${name}`))
const ticks = fc.array(fc.record({
  after: fc.dictionary(fc.constantFrom(...keys), fc.integer({ min: 0, max: 3 })),
  lost: fc.integer({ min: 0, max: 9 }).map((n) => n > 0),
  reloads: fc.integer({ min: 0, max: 49 }).map((n) => n === 0)
}), { minLength: 500, maxLength: 500 })

/** The leader's side: appends to a log so short that many losses in a row are beyond it. */
class Leader {
  #links = 0
  readonly log = new StoredHistory(() => 0, () => `${++this.#links}`, clusterTimings)
  board: Board = emptyBoard

  append (after: Metrics, at: number): void {
    const delta = { at, by: 'leader', ...difference(this.board.metrics, after) }
    this.board = advance(this.board, delta)
    const encoded = Buffer.from(JSON.stringify(delta))
    const snapshot = JSON.stringify(this.board)
    this.log.append({ id: `${at}`, encoded, whenSlow: 'skip', limit: 20, ttl: 1e9, after: this.log.position, snapshot })
  }
}

/** How often a viewer came by its board in either way. */
interface Ways { deltas: number, board: number }

/**
 * The viewer's side: comes back with where it was, and takes the deltas that it missed, or the board where there are
 * too many.
 */
class Viewer {
  board: Board = emptyBoard
  readonly #cameBy: Ways
  #position: Position | undefined

  constructor (cameBy: Ways) {
    this.#cameBy = cameBy
  }

  reload (): void {
    this.#position = undefined
  }

  catchUp (log: StoredHistory): void {
    const { position, reason, snapshot, entries } = log.read(this.#position)
    this.#position = position
    this.#cameBy[reason ? 'board' : 'deltas']++
    if (reason) this.board = JSON.parse(snapshot?.state as string) as Board
    else {
      this.board = entries.reduce(
        (board, { encoded }) => advance(board, JSON.parse(encoded.toString()) as Delta), this.board
      )
    }
  }
}

function watch (ticks: readonly Tick[], cameBy: Ways): boolean {
  const leader = new Leader()
  const viewer = new Viewer(cameBy)
  return ticks.every(({ after, lost, reloads }, at) => {
    leader.append(after, at)
    if (reloads) viewer.reload()
    if (lost) return true
    viewer.catchUp(leader.log)
    return isDeepStrictEqual(viewer.board, JSON.parse(JSON.stringify(leader.board)))
  })
}

const runs = cases(20, 6)

t.test(`board: after any loss in ${500 * runs} random seconds a page has the board of a new page`, async (t) => {
  const cameBy = { deltas: 0, board: 0 }
  fc.assert(fc.property(ticks, (ticks) => watch(ticks, cameBy)), { numRuns: runs, endOnFailure: true })
  t.ok(cameBy.deltas > 20 && cameBy.board > 20, 'by either way, and often')
})

t.test('roster: the reports of all nodes become one map', async (t) => {
  const node = (id: string, report?: unknown) => ({
    node: id, connections: 0, rooms: 0, uptime: 0, ...(report !== undefined && { report })
  })
  t.strictSame(
    new Roster().gather([node('a', { cpu: 1 }), node('b', { cpu: 2, rooms: 0 })], {}, 0),
    { 'a/cpu': 1, 'b/cpu': 2, 'b/rooms': 0 }
  )

  t.test('roster: a report that is not a metric is ignored', async (t) => {
    const odd = [node('a'), node('b', 'text'), node('c', [null, {}]), node('d', { cpu: null, load: '1', rooms: 2 })]
    t.strictSame(new Roster().gather(odd, {}, 0), { 'd/rooms': 2 })
  })

  t.test('roster: a metric that a node stops reporting is removed', async (t) => {
    t.strictSame(new Roster().gather([node('a', { cpu: 1 })], { 'a/cpu': 0, 'a/redis': 3 }, 0), { 'a/cpu': 1 })
  })

  t.test('roster: a node that does not answer keeps its metrics for 3 s', async (t) => {
    const roster = new Roster()
    const a = node('a', { cpu: 1 })
    const known = roster.gather([a, node('b', { cpu: 2 })], {}, 1_000)
    t.strictSame(roster.gather([a], known, 3_999), { 'b/cpu': 2, 'a/cpu': 1 })
    t.strictSame(roster.gather([a], known, 4_000), { 'a/cpu': 1 })
  })

  t.test('roster: a node that just started waits as long for nodes that others knew', async (t) => {
    const roster = new Roster()
    t.strictSame(roster.gather([], { 'b/cpu': 2 }, 10_000), { 'b/cpu': 2 })
    t.strictSame(roster.gather([], { 'b/cpu': 2 }, 12_999), { 'b/cpu': 2 })
    t.strictSame(roster.gather([], { 'b/cpu': 2 }, 13_000), {})
  })
})
