import { performance, type EventLoopUtilization } from 'node:perf_hooks'
import type { NodeStatus } from 'fastify-channels'
import { rejected } from './catalogue.ts'

/** One reading, once a second. Times are in milliseconds and memory in bytes; counters count since the start. */
export interface Readings {
  readonly at: number
  readonly loop: { readonly p50: number, readonly p99: number, readonly utilisation: EventLoopUtilization }
  /** Milliseconds of CPU used. */
  readonly cpu: number
  readonly memory: { readonly rss: number, readonly heapUsed: number }
  readonly load: number
  readonly status: NodeStatus
}

/** A node's metrics by name, from two readings. Values are rounded so that nearly constant ones need not be sent. */
export function sampleOf (before: Readings, { at, loop, cpu, memory, load, status }: Readings): Record<string, number> {
  const { counters, connections, rooms, roundTrip } = status
  const elapsed = at - before.at
  const perSecond = (name: 'messagesIn' | 'messagesOut' | 'bytesIn' | 'bytesOut') =>
    (counters[name] - before.status.counters[name]) / elapsed * 1_000
  return {
    'loop.p50': round(loop.p50),
    'loop.p99': round(loop.p99),
    'loop.busy': round(performance.eventLoopUtilization(loop.utilisation, before.loop.utilisation).utilization * 100),
    cpu: round((cpu - before.cpu) / elapsed * 100),
    'memory.rss': round(memory.rss / 1e6),
    'memory.heap': round(memory.heapUsed / 1e6),
    'messages.in': round(perSecond('messagesIn')),
    'messages.out': round(perSecond('messagesOut')),
    'bytes.in': round(perSecond('bytesIn') / 1_000),
    'bytes.out': round(perSecond('bytesOut') / 1_000),
    connections,
    rooms,
    load: round(load),
    ...(roundTrip !== undefined && { redis: round(roundTrip) }),
    ...Object.fromEntries(Object.entries(counters.rejections).map(([reason, count]) => [rejected + reason, count]))
  }
}

/** Rounds to three significant digits. */
function round (value: number): number {
  return Number(value.toPrecision(3))
}
