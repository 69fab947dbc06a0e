import type { Metadata } from './metadata.ts'

/** The result of verifying a user: from a token, or from the route's `identify`. */
export interface Credentials {
  /** Undefined on a public route without an identity. */
  readonly userId: string | undefined
  readonly user: unknown
  /** When the token expires, in milliseconds since 1970; undefined if it never expires. */
  readonly expiresAt: number | undefined
  /** The id of the token, by which it can be revoked. */
  readonly jti: string | undefined
}

/** What a connection knows about its client from the HTTP upgrade. */
export interface Identity extends Credentials {
  /** The id of the connection. */
  readonly id: string
  readonly ip: string
  /** Captured from the HTTP request by the route option `locals`. */
  readonly locals?: unknown
  /** The URL of its route. */
  readonly route?: string | undefined
  /** A fingerprint that the route knows, `other` or `unknown`. A shared text. */
  readonly contract?: string | undefined
  /** From the route option `metadata`. */
  readonly metadata?: Metadata | undefined
  /** Gives back the quotas that the connection holds, when it ends or before. A second call changes nothing. */
  readonly quotas: { release (): void }
  /** Verifies a newer token. Rejects an invalid one with `invalidToken`. Undefined on a route without tokens. */
  readonly verify: ((token: string) => Promise<Credentials>) | undefined
}
