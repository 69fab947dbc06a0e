/** Why a receiver may refuse a value, with the place in the value. */
export interface Refusal {
  readonly path: string
  readonly reason: string
}

/** Compares two schemas at one place of a value. */
export interface Comparison {
  readonly path: string
  /** Whether the receiver ignores members that it does not know, as clients do. */
  readonly ignoresUnknown: boolean
  /** Compares schemas within these two. */
  within (sent: unknown, accepted: unknown, key: string): readonly Refusal[]
  refuse (reason: string): readonly Refusal[]
}
