import type { Clock } from '../clock.ts'

/** A user's every token, or one token by its id (RFC 7519 section 4.1.7). */
export type Revoked = { readonly userId: string } | { readonly jti: string }

/** What of an identity can be revoked. */
export interface Revocable {
  readonly userId: string | undefined
  readonly jti: string | undefined
}

/** What a revocation is known by. @throws {TypeError} when there is no id. */
export function revocationKey (revoked: Revoked): string {
  const [kind, id] = 'jti' in revoked ? ['jti', revoked.jti] : ['user', revoked.userId]
  // A token may have no jti: revoking that would be revoking everybody whose token has none.
  if (typeof id !== 'string') throw new TypeError('a revocation needs a userId or a jti')
  return `${kind} ${id}`
}

/** Who must not be let in, and until when. */
export class Revocations {
  readonly #clock: Clock
  readonly #until = new Map<string, number>()

  constructor (clock: Clock) {
    this.#clock = clock
  }

  get size (): number {
    return this.#until.size
  }

  /** `until`: milliseconds since 1970. The later of two revocations counts. */
  add (key: string, until: number): void {
    this.#until.set(key, Math.max(until, this.#until.get(key) ?? 0))
  }

  isRevoked ({ userId, jti }: Revocable): boolean {
    return (userId !== undefined && this.#holds(`user ${userId}`)) || (jti !== undefined && this.#holds(`jti ${jti}`))
  }

  /** Forgets what is over. */
  sweep (): void {
    for (const key of this.#until.keys()) if (!this.#holds(key)) this.#until.delete(key)
  }

  #holds (key: string): boolean {
    return (this.#until.get(key) ?? 0) > this.#clock.now()
  }
}
