import type { Metadata } from './metadata.ts'

/** Public facts about one connection. Times are milliseconds since 1970. */
export interface ConnectionInfo {
  readonly id: string
  /** Undefined on a public route without an identity. */
  readonly userId: string | undefined
  readonly user: unknown
  readonly ip: string
  /** The URL of its route, with the prefix. */
  readonly route: string
  /**
   * The fingerprint of the contracts that its client was built with: `unknown` when it sent none, `other` for one that
   * the route does not know.
   */
  readonly contract: string
  /** What the route's `metadata(request)` returned at the upgrade. */
  readonly metadata: Metadata
  readonly connectedAt: number
  /** When the last WebSocket frame arrived, pongs included. */
  readonly lastSeen: number
  readonly messagesIn: number
  readonly messagesOut: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly channels: ReadonlySet<string>
}
