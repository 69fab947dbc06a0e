import type { SnapshotOf, ServerPayloadOf } from 'fastify-channels/contract'
import { isCharted } from './catalogue.ts'
import type { metrics } from './dashboard.contract.ts'

type Definition = typeof metrics.definition

/** Everything that the dashboard shows. It is the channel's snapshot. */
export type Board = SnapshotOf<Definition>

/** The newest value of each metric, by `node/metric`. */
export type Metrics = Board['metrics']

/** The newest points of the metrics that are drawn, each as long as `at`. */
export type Points = Board['points']

/** What changed within one second. */
export type Delta = ServerPayloadOf<Definition, 'changed'>

/** How many points are kept. */
export const kept = 120

export const emptyBoard: Board = { metrics: {}, points: { at: [], series: {} } }

/** The smallest delta from one map to another. */
export function difference (before: Metrics, after: Metrics): Pick<Delta, 'set' | 'del'> {
  return {
    set: Object.fromEntries(
      Object.entries(after).filter(([key, value]) => !Object.hasOwn(before, key) || before[key] !== value)
    ),
    del: Object.keys(before).filter((key) => !Object.hasOwn(after, key))
  }
}

/** The board one second later. The server and the page share this function, so their boards are equal. */
export function advance ({ metrics, points }: Board, { at, set, del }: Omit<Delta, 'by'>): Board {
  const gone = new Set(del)
  const next = Object.fromEntries(Object.entries({ ...metrics, ...set }).filter(([key]) => !gone.has(key)))
  return { metrics: next, points: extend(points, next, at) }
}

/** Leaves out a series without points, because its node is gone. */
function extend ({ at, series }: Points, metrics: Metrics, now: number): Points {
  const keys = new Set([...Object.keys(series), ...Object.keys(metrics).filter(isCharted)])
  const longer = [...keys].map((key) =>
    [key, [...series[key] ?? at.map(() => null), metrics[key] ?? null].slice(-kept)] as const)
  return {
    at: [...at, now].slice(-kept),
    series: Object.fromEntries(longer.filter(([, points]) => points.some((point) => point !== null)))
  }
}
