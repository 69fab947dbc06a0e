import type { Board, Points } from '../board.ts'
import { catalogue, keyOf, metricOf, nodeOf, rejected, type Metric } from '../catalogue.ts'

/** One row of a node's table. */
export interface Row { readonly label: string, readonly value: string }

/** The data of one chart. Its lines share a unit and have a point or a gap for each of `at`, in seconds since 1970. */
export interface Drawing {
  readonly title: string
  readonly unit: string
  readonly lines: ReadonlyArray<{ readonly label: string, readonly points: ReadonlyArray<number | null> }>
  readonly at: readonly number[]
}

/** The ids of the nodes on a board, in a stable order. */
export function nodesOf ({ metrics }: Board): string[] {
  return [...new Set(Object.keys(metrics).map(nodeOf))].sort()
}

/** A node's current metrics in the catalogue's order, then its rejections. */
export function rowsOf ({ metrics }: Board, node: string): Row[] {
  const known = catalogue.flatMap(({ name, label, unit }) => {
    const value = metrics[keyOf(node, name)]
    return value === undefined ? [] : [{ label, value: valueText(value, unit) }]
  })
  const refusals = Object.entries(metrics).filter(([key]) =>
    nodeOf(key) === node && metricOf(key).startsWith(rejected)).sort()
  return [
    ...known,
    ...refusals.map(([key, value]) => ({
      label: `Rejected, ${metricOf(key).slice(rejected.length)}`, value: valueText(value, '')
    }))
  ]
}

const titles = [...new Set(catalogue.flatMap(({ chart }) => chart ?? []))]

/** The charts of a node. */
export function drawingsOf ({ points }: Board, node: string): Drawing[] {
  return titles.map((title) => {
    const metrics = catalogue.filter(({ chart }) => chart === title) as [Metric, ...Metric[]]
    const lines = metrics.map(({ name, label }) => ({ label, points: pointsOf(points, keyOf(node, name)) }))
    return { title, unit: metrics[0].unit, lines, at: points.at.map((ms) => ms / 1_000) }
  })
}

/** A chart in words for screen readers: the newest value of each line. */
export function drawingText ({ title, unit, lines }: Drawing): string {
  return `${title}: ${lines.map(({ label, points }) => `${label} ${newest(points, unit)}`).join(', ')}`
}

function pointsOf ({ at, series }: Points, key: string): ReadonlyArray<number | null> {
  return series[key] ?? at.map(() => null)
}

function newest (points: ReadonlyArray<number | null>, unit: string): string {
  const value = points.at(-1) ?? null
  return value === null ? 'unknown' : valueText(value, unit)
}

function valueText (value: number, unit: string): string {
  const text = value.toLocaleString('en', { maximumSignificantDigits: 4 })
  return unit === '' ? text : `${text} ${unit}`
}
