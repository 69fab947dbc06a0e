import type { PresenceEntryRequest } from '../cluster/presence.ts'

/** The grace period of a user's connection, as one node tells it to another. */
export interface GracePeriod {
  readonly channel: string
  readonly entry: PresenceEntryRequest
  readonly remainingMs: number
}
