/** Counts who has a place, by key: a user, an IP address. */
export class ConnectionQuota {
  readonly #limit: number
  readonly #taken = new Map<string, number>()

  constructor (limit: number) {
    this.#limit = limit
  }

  /** Keys that hold a place. */
  get size (): number {
    return this.#taken.size
  }

  /** Takes a place; false when the key has no more. Each one taken is given back with `free`. */
  acquireQuota (key: string): boolean {
    const taken = this.#taken.get(key) ?? 0
    if (taken >= this.#limit) return false
    this.#taken.set(key, taken + 1)
    return true
  }

  releaseQuota (key: string): void {
    const taken = (this.#taken.get(key) as number) - 1
    if (taken > 0) this.#taken.set(key, taken)
    else this.#taken.delete(key)
  }
}
