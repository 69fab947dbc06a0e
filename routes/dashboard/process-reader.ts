import { loadavg } from 'node:os'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import type { NodeStatus } from 'fastify-channels'
import type { Readings } from './sample.ts'

/** Milliseconds between two readings of the event loop's delay. */
const resolution = 10

/** Reads this process's load until it is closed. */
export class ProcessReader {
  readonly #delay = monitorEventLoopDelay({ resolution })
  readonly #status: () => NodeStatus

  constructor (status: () => NodeStatus) {
    this.#status = status
    this.#delay.enable()
  }

  read (): Readings {
    const { user, system } = process.cpuUsage()
    const loop = { p50: this.#delayed(50), p99: this.#delayed(99), utilisation: performance.eventLoopUtilization() }
    this.#delay.reset()
    return {
      at: performance.now(),
      loop,
      cpu: (user + system) / 1_000,
      memory: process.memoryUsage(),
      load: loadavg()[0] as number,
      status: this.#status()
    }
  }

  close (): void {
    this.#delay.disable()
  }

  /** The histogram holds whole intervals in nanoseconds; the time beyond the resolution is delay. */
  #delayed (percentile: number): number {
    return Math.max(0, this.#delay.percentile(percentile) / 1e6 - resolution)
  }
}
