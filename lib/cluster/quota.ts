/** Whether the connection is within the user's quota; if not, when to try again, in milliseconds. */
export type QuotaOutcome = { readonly granted: true } | { readonly granted: false, readonly retryAfter: number }

/** An adapter that need not ask others answers at once. A promise costs each upgrade a timer. */
export type QuotaAnswer = QuotaOutcome | Promise<QuotaOutcome>

/** Counts the connections of each user over all nodes. */
export interface QuotaPort {
  /**
   * Counts a connection if the user has fewer than `limit`. Counted until `release`, or until the end of this node.
   * When it rejects, the other nodes cannot be reached, and the connection counts as soon as they can.
   */
  acquire (userId: string, connectionId: string, limit: number): QuotaAnswer
  /** Whether `acquire` would count a connection now. Counts none. */
  check (userId: string, limit: number): QuotaAnswer
  /**
   * Stops counting a connection; an unknown one is ignored. When it rejects, the connection stops counting as soon as
   * the other nodes can be reached again.
   */
  release (userId: string, connectionId: string): Promise<void>
}
