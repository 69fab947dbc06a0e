/** One step of a connection's work. It never rejects. */
export type Task = () => void | Promise<void>

export interface ReceiveQueueOptions {
  /** How many tasks may wait or run before the peer is held back. */
  readonly limit: number
  readonly pause: () => void
  readonly resume: () => void
}

/**
 * What a connection asked for and is not done yet. The tasks of one channel run one after another, in order; channels
 * do not wait for each other. When it is full the socket is paused, so that the peer's TCP does the waiting.
 */
export class ReceiveQueue {
  readonly #waiting = new Map<string, Task[]>()
  readonly #options: ReceiveQueueOptions
  #size = 0
  #paused = false

  constructor (options: ReceiveQueueOptions) {
    this.#options = options
  }

  push (channel: string, task: Task): void {
    const waiting = this.#waiting.get(channel)
    this.#grow()
    if (waiting) {
      waiting.push(task)
      return
    }
    // Before the task runs: what it pushes itself has to wait behind it.
    this.#waiting.set(channel, [task])
    this.#work(channel)
  }

  /** Runs what waits, until something has to be waited for. */
  #work (channel: string): void {
    const waiting = this.#waiting.get(channel) as Task[]
    for (let task = waiting.shift(); task; task = waiting.shift()) {
      const running = task()
      if (running) {
        running.then(() => this.#done(channel))
        return
      }
      this.#shrink()
    }
    this.#waiting.delete(channel)
  }

  #done (channel: string): void {
    this.#shrink()
    this.#work(channel)
  }

  #grow (): void {
    if (++this.#size < this.#options.limit || this.#paused) return
    this.#paused = true
    this.#options.pause()
  }

  /** Resumes at half, not at one below the limit: pausing and resuming for each message would cost more than it saves. */
  #shrink (): void {
    if (--this.#size > this.#options.limit / 2 || !this.#paused) return
    this.#paused = false
    this.#options.resume()
  }
}
