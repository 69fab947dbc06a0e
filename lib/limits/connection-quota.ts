/** Counts the connections of each key (a user or an IP address), up to a limit. */
export class ConnectionQuota {
  readonly #limit: number
  readonly #used = new Map<string, number>()

  constructor (limit: number) {
    this.#limit = limit
  }

  /** The number of keys with a connection. */
  get size (): number {
    return this.#used.size
  }

  /** Counts a connection; false when the key has reached the limit. Each success is undone by one `releaseQuota`. */
  acquireQuota (key: string): boolean {
    const used = this.#used.get(key) ?? 0
    if (used >= this.#limit) return false
    this.#used.set(key, used + 1)
    return true
  }

  releaseQuota (key: string): void {
    const used = (this.#used.get(key) as number) - 1
    if (used > 0) this.#used.set(key, used)
    else this.#used.delete(key)
  }
}
