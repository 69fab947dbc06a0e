/** Public facts about one connection. Times are milliseconds since 1970. */
export interface ConnectionInfo {
  readonly id: string
  /** Undefined on a public route without an identity. */
  readonly userId: string | undefined
  readonly user: unknown
  readonly ip: string
  readonly connectedAt: number
  /** When the last WebSocket frame arrived, pongs included. */
  readonly lastSeen: number
  readonly messagesIn: number
  readonly messagesOut: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly channels: ReadonlySet<string>
}
