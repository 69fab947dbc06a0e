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
  readonly #backlog: Flushable[] = []
  /** How many at the start of the backlog are done. */
  #flushed = 0
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
    const dirty = this.#dirty
    this.#dirty = []
    const reserved = Math.min(this.#backlog.length - this.#flushed, maxWrites / 2)
    const first = Math.min(dirty.length, maxWrites - reserved)
    for (let i = first; i < dirty.length; i++) this.#backlog.push(dirty[i] as Flushable)
    for (let i = 0; i < first; i++) dirty[i]?.flush()
    this.#flushBacklog(maxWrites - first)
  }

  #flushBacklog (count: number): void {
    const backlog = this.#backlog
    const end = Math.min(this.#flushed + count, backlog.length)
    for (; this.#flushed < end; this.#flushed++) backlog[this.#flushed]?.flush()
    if (end < backlog.length) this.#scheduleFlush()
    // Not in every iteration: each copy of a long list is work for the garbage collector.
    if (end <= backlog.length / 2) return
    backlog.splice(0, end)
    this.#flushed = 0
  }
}
