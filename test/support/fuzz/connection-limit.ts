/** Connections that one user may have on all nodes together. */
export const connectionsPerUser = 2

/** Counts the connections of each user that the servers may count, because they learn of a close a little later. */
export class ConnectionLimit {
  readonly #atMost = new Map<string, number>()

  opened (user: string): void {
    this.#atMost.set(user, (this.#atMost.get(user) ?? 0) + 1)
  }

  /** Exactly so many connections of the user count now. */
  settle (user: string, open: number): void {
    this.#atMost.set(user, open)
  }

  /** Whether another connection may be refused. */
  mayBeReached (user: string): boolean {
    return (this.#atMost.get(user) ?? 0) >= connectionsPerUser
  }
}
