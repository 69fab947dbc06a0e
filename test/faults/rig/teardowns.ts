import type { Test } from 'tap'

/** What helpers of tests use of a test to end what they started, for a program that is none. */
export class Teardowns {
  readonly #all: Array<() => unknown> = []

  /** For helpers that take a test. */
  get test (): Test {
    return this as unknown as Test
  }

  teardown (end: () => unknown): void {
    this.#all.push(end)
  }

  /** Ends everything, the last first. */
  async run (): Promise<void> {
    for (const end of this.#all.splice(0).reverse()) await end()
  }
}
