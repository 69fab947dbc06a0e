/** A task that runs once at a time. Who asks while it runs gets its next run, which all who asked meanwhile share. */
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

  /** Resolves with the end of a run that began after this call; rejects when that failed. */
  run (): Promise<void> {
    if (!this.#current) return this.#start()
    this.#next ??= this.#current.then(() => this.#follow(), () => this.#follow())
    return this.#next
  }

  #follow (): Promise<void> {
    this.#next = undefined
    return this.#start()
  }

  #start (): Promise<void> {
    this.#current = this.#task().finally(() => { this.#current = undefined })
    return this.#current
  }
}
