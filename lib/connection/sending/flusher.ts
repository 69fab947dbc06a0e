/** The queue of one connection. */
export interface Flushable {
  flush (): void
}

/**
 * Connections that are written to in one iteration of the event loop. A write is a system call of 5 to 8 us, so they
 * take 8 ms at most. Without a limit, one message to 100,000 members kept the loop busy for 0.6 s.
 */
export const maxWrites = 1_024

/**
 * Writes the queued messages of all connections once per event-loop iteration, so that each connection costs one system
 * call per iteration. When there are too many for one iteration, the other ones wait for the next iterations. A
 * connection that comes later need not wait for all of them: half of an iteration belongs to those.
 */
export class Flusher {
  #dirty: Flushable[] = []
  /** In the order in which they were scheduled. Each waits once, whatever is added to its queue. */
  #backlog: Flushable[] = []
  #isScheduled = false
  readonly #schedule: (fn: () => void) => void

  constructor (schedule: (fn: () => void) => void = setImmediate) {
    this.#schedule = schedule
  }

  schedule (queue: Flushable): void {
    this.#dirty.push(queue)
    this.#scheduleFlush()
  }

  #scheduleFlush (): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#schedule(() => this.#flush())
  }

  #flush (): void {
    this.#isScheduled = false
    for (const queue of this.#takeTurn()) queue.flush()
    if (this.#backlog.length > 0) this.#scheduleFlush()
  }

  #takeTurn (): Flushable[] {
    const dirty = this.#dirty
    const backlog = this.#backlog
    this.#dirty = []
    if (backlog.length === 0 && dirty.length <= maxWrites) return dirty
    const reserved = Math.min(backlog.length, maxWrites / 2)
    const fromDirty = Math.min(dirty.length, maxWrites - reserved)
    const fromBacklog = maxWrites - fromDirty
    this.#backlog = backlog.slice(fromBacklog).concat(dirty.slice(fromDirty))
    return dirty.slice(0, fromDirty).concat(backlog.slice(0, fromBacklog))
  }
}
