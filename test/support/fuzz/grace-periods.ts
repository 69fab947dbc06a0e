/** How long a user whose connection was lost stays present, in milliseconds: long enough to return within it. */
export const presenceGraceMs = 150
/** The clocks of this process and of Redis run at slightly different speeds. */
const slackMs = 10

/** The users who must still be present because their connection was lost a moment ago. */
export class GracePeriods {
  /** By channel and user, when the period ends at the earliest, by `performance.now()`. */
  readonly #ends = new Map<string, Map<string, number>>()

  /** The connection of a present user is about to be lost. */
  begin (channel: string, user: string): void {
    const ends = this.#ends.get(channel) ?? new Map<string, number>()
    this.#ends.set(channel, ends.set(user, performance.now() + presenceGraceMs - slackMs))
  }

  /** The user does something that may end the period: a join, or a call that takes the user out. */
  forget (user: string): void {
    for (const ends of this.#ends.values()) ends.delete(user)
  }

  /** A client learned that a user left. @throws {Error} when the user is in a grace period */
  left (channel: string, user: string): void {
    if (this.#isRunning(channel, user)) throw new Error(`${user} left within the grace period`)
  }

  /** A client learned who is present. @throws {Error} when a user in a grace period is not */
  listed (channel: string, users: ReadonlySet<string>): void {
    for (const user of this.#ends.get(channel)?.keys() ?? []) {
      if (users.has(user) || !this.#isRunning(channel, user)) continue
      throw new Error(`${user} is absent within the grace period`)
    }
  }

  #isRunning (channel: string, user: string): boolean {
    return performance.now() < (this.#ends.get(channel)?.get(user) ?? 0)
  }
}
