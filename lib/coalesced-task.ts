/** A task that never runs twice at a time. Calls during a run share one further run after it. */
export class CoalescedTask {
  readonly #task: () => Promise<void>
  #current: Promise<void> | undefined
  #next: Promise<void> | undefined

  constructor (task: () => Promise<void>) {
    this.#task = task
  }

  get isRunning (): boolean {
    return this.#current !== undefined
  }

  /** Settles like a run that begins after this call. */
  run (): Promise<void> {
    // Checked first: between the end of a run and the start of the next one nothing runs.
    if (this.#next) return this.#next
    if (!this.#current) return this.#start()
    this.#next = this.#current.then(() => this.#startNext(), () => this.#startNext())
    return this.#next
  }

  #startNext (): Promise<void> {
    this.#next = undefined
    return this.#start()
  }

  #start (): Promise<void> {
    this.#current = this.#task().finally(() => { this.#current = undefined })
    return this.#current
  }
}
