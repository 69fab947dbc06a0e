import type { Test } from 'tap'

/** What helpers of tests use of a test to end what they started, for a program that is none. */
export class Teardowns {
  readonly #all: Array<() => unknown> = []
  #hasRun = false

  /** For helpers that take a test. */
  get test (): Test {
    return this as unknown as Test
  }

  /** @throws once they have run, so that a start that is interrupted starts nothing more */
  teardown (end: () => unknown): void {
    if (this.#hasRun) throw new Error('interrupted')
    this.#all.push(end)
  }

  /** Ends everything, the last first. */
  async run (): Promise<void> {
    this.#hasRun = true
    for (const end of this.#all.splice(0).reverse()) await end()
  }
}
