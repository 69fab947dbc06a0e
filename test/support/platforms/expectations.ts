/** What a listener was called with, in order. Runs in a browser too, so it knows no test runner. */
export class Received<T> {
  readonly all: T[] = []
  readonly #waiting: Array<() => void> = []
  #read = 0

  /** The listener. */
  readonly add = (item: T): void => {
    this.all.push(item)
    this.#waiting.shift()?.()
  }

  /** The next call that was not read yet, past or future. */
  async next (): Promise<T> {
    const index = this.#read++
    while (index >= this.all.length) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    return this.all[index] as T
  }
}

/** @throws {Error} unless both have the same JSON. */
export function same (actual: unknown, expected: unknown): void {
  const [found, wanted] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (found !== wanted) throw new Error(`found ${found}, not ${wanted}`)
}

/** The error with which `promise` rejects. @throws {Error} when it resolves. */
export async function failureOf (promise: Promise<unknown>): Promise<Readonly<Record<string, unknown>>> {
  return await promise.then(() => { throw new Error('it did not fail') }, (error: unknown) => Object(error))
}
