/** The handling of one message. It never throws or rejects. */
export type Task = () => void | Promise<void>

/** What the messages come from. */
export interface Pausable {
  pause (): void
  resume (): void
}

/**
 * The unfinished messages of one connection. The tasks of one channel run one after another, in order; channels do not
 * wait for each other. When the queue is full, the socket is paused, so that TCP back-pressure slows the peer down.
 */
export class ReceiveQueue {
  readonly #waiting = new Map<string | symbol, Task[]>()
  readonly #connection: Pausable
  readonly #limit: number
  readonly #whenEmpty: Array<() => void> = []
  #size = 0
  #isPaused = false
  /** The channel of a task that runs synchronously, and that was the only one of the queue when it began. */
  #alone: string | symbol | undefined

  /** @param limit how many tasks may wait or run before the connection is paused */
  constructor (connection: Pausable, limit: number) {
    this.#connection = connection
    this.#limit = limit
  }

  push (channel: string | symbol, task: Task): void {
    this.#grow()
    if (this.#size === 1) return this.#runAlone(channel, task)
    const waiting = this.#waiting.get(channel)
    if (waiting) {
      waiting.push(task)
      return
    }
    // Registered before the task runs, because tasks that it pushes have to wait behind it.
    this.#waiting.set(channel, [task])
    if (channel !== this.#alone) this.#runTasks(channel)
  }

  /** Resolves once no task waits or runs. */
  whenEmpty (): Promise<void> {
    if (this.#size === 0) return Promise.resolve()
    return new Promise((resolve) => this.#whenEmpty.push(resolve))
  }

  /** Most tasks are alone and synchronous. They need no entry in the map: V8 rebuilds a small map often. */
  #runAlone (channel: string | symbol, task: Task): void {
    this.#alone = channel
    const running = task()
    this.#alone = undefined
    if (running) {
      if (!this.#waiting.has(channel)) this.#waiting.set(channel, [])
      running.then(() => this.#finishTask(channel))
      return
    }
    this.#shrink()
    if (this.#waiting.has(channel)) this.#runTasks(channel)
  }

  /** Runs the channel's tasks up to the first asynchronous one. */
  #runTasks (channel: string | symbol): void {
    const waiting = this.#waiting.get(channel) as Task[]
    for (let task = waiting.shift(); task; task = waiting.shift()) {
      const running = task()
      if (running) {
        running.then(() => this.#finishTask(channel))
        return
      }
      this.#shrink()
    }
    this.#waiting.delete(channel)
  }

  #finishTask (channel: string | symbol): void {
    this.#shrink()
    this.#runTasks(channel)
  }

  #grow (): void {
    if (++this.#size < this.#limit || this.#isPaused) return
    this.#isPaused = true
    this.#connection.pause()
  }

  /** Resumes at half of the limit, because pausing and resuming for each message would cost more than it saves. */
  #shrink (): void {
    if (--this.#size === 0) for (const resolve of this.#whenEmpty.splice(0)) resolve()
    if (this.#size > this.#limit / 2 || !this.#isPaused) return
    this.#isPaused = false
    this.#connection.resume()
  }
}
