/**
 * Requests with large answers, such as reads of histories: after a gap a node sends one for each of its rooms. They run
 * one after the other, and only while there is room for their answers.
 */
export class LargeRequests {
  readonly #hasRoom: () => boolean
  readonly #waiting: Array<() => Promise<void>> = []
  #isRunning = false

  constructor (hasRoom: () => boolean) {
    this.#hasRoom = hasRoom
  }

  add (run: () => Promise<void>): void {
    this.#waiting.push(run)
    this.resume()
  }

  /** There may be room again. */
  async resume (): Promise<void> {
    if (this.#isRunning) return
    this.#isRunning = true
    for (let run; this.#hasRoom() && (run = this.#waiting.shift());) await run()
    this.#isRunning = false
  }
}
