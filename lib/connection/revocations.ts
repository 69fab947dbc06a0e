import { ChannelsError } from '../protocol/errors.ts'
import type { Clock } from '../clock.ts'

/** All tokens of a user, or one token by its id (RFC 7519 section 4.1.7). */
export type Revoked = { readonly userId: string } | { readonly jti: string }

/** The revocable part of an identity. */
export interface Revocable {
  readonly userId: string | undefined
  readonly jti: string | undefined
}

/** The key that all nodes use for a revocation. @throws {ChannelsError} when there is no id */
export function revocationKey (revoked: Revoked): string {
  const { jti, userId } = Object(revoked) as { jti?: unknown, userId?: unknown }
  const [kind, id] = 'jti' in Object(revoked) ? ['jti', jti] : ['user', userId]
  // A token without a jti must not be revoked by it, because that would revoke all tokens without one.
  if (typeof id !== 'string') {
    throw new ChannelsError('FST_CHANNELS_USAGE', 'a revocation has no id: pass { userId } or { jti }', 400)
  }
  return `${kind} ${id}`
}

/** What a key revokes. */
export function revokedBy (key: string): Revoked {
  const id = key.slice(key.indexOf(' ') + 1)
  return key.startsWith('jti ') ? { jti: id } : { userId: id }
}

/** The revoked users and tokens, each until a given time. */
export class Revocations {
  readonly #clock: Clock
  readonly #until = new Map<string, number>()

  constructor (clock: Clock) {
    this.#clock = clock
  }

  get size (): number {
    return this.#until.size
  }

  /** `until`: milliseconds since 1970. The later of two times counts. */
  add (key: string, until: number): void {
    this.#until.set(key, Math.max(until, this.#until.get(key) ?? 0))
  }

  isRevoked ({ userId, jti }: Revocable): boolean {
    // Most nodes have none, and the key of a user is made for each upgrade twice: 3 % of its CPU time.
    if (this.#until.size === 0) return false
    return (userId !== undefined && this.#isActive(`user ${userId}`)) ||
      (jti !== undefined && this.#isActive(`jti ${jti}`))
  }

  /** Deletes revocations whose time is over. */
  sweep (): void {
    for (const key of this.#until.keys()) if (!this.#isActive(key)) this.#until.delete(key)
  }

  #isActive (key: string): boolean {
    return (this.#until.get(key) ?? 0) > this.#clock.now()
  }
}
