/**
 * A metric of a node, in display order. `chart` names the chart that draws it; without it the metric is only listed.
 */
export interface Metric {
  readonly name: string
  readonly label: string
  readonly unit: '' | 'ms' | '%' | 'MB' | '/s' | 'kB/s'
  readonly chart?: string
}

/** Every metric except the rejections. Those are named by reason, `rejected.<reason>`, and counted since the start. */
export const catalogue: readonly Metric[] = [
  { name: 'loop.p50', label: 'Loop delay, median', unit: 'ms', chart: 'Event loop delay' },
  { name: 'loop.p99', label: 'Loop delay, 99th percentile', unit: 'ms', chart: 'Event loop delay' },
  { name: 'loop.busy', label: 'Loop busy', unit: '%', chart: 'Busy' },
  { name: 'cpu', label: 'CPU', unit: '%', chart: 'Busy' },
  { name: 'memory.rss', label: 'Memory', unit: 'MB', chart: 'Memory' },
  { name: 'memory.heap', label: 'Heap', unit: 'MB', chart: 'Memory' },
  { name: 'messages.in', label: 'Messages received', unit: '/s', chart: 'Messages' },
  { name: 'messages.out', label: 'Messages sent', unit: '/s', chart: 'Messages' },
  { name: 'bytes.in', label: 'Received', unit: 'kB/s' },
  { name: 'bytes.out', label: 'Sent', unit: 'kB/s' },
  { name: 'connections', label: 'Connections', unit: '' },
  { name: 'rooms', label: 'Rooms', unit: '' },
  { name: 'load', label: 'Load of the machine', unit: '' },
  { name: 'redis', label: 'Redis, there and back', unit: 'ms' }
]

export const rejected = 'rejected.'

const charted = new Set(catalogue.filter(({ chart }) => chart !== undefined).map(({ name }) => name))

/** Whether the history of `key` is kept. */
export function isCharted (key: string): boolean {
  return charted.has(metricOf(key))
}

/** A key is `node/metric`; a node's id has no slash. */
export function keyOf (node: string, metric: string): string {
  return `${node}/${metric}`
}

export function nodeOf (key: string): string {
  return key.slice(0, key.indexOf('/'))
}

export function metricOf (key: string): string {
  return key.slice(key.indexOf('/') + 1)
}
