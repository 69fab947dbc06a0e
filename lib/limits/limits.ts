import type { Rate } from './token-bucket.ts'
import type { ProtocolErrorLimit } from './protocol-error-budget.ts'

/** The resources that one node, one user, one IP address and one connection may use. */
export interface Limits {
  /**
   * Connections of this node, and, counted separately, upgrades under way; further upgrades get a 503.
   * @default 10_000
   */
  readonly connections: number
  /**
   * Connections of one user; further upgrades get a 429.
   * @default 20
   */
  readonly perUser: number
  /**
   * Connections from one IP address, and, counted separately, upgrades under way; further upgrades get a 429.
   * @default 100
   */
  readonly perIp: number
  /**
   * Channels that one connection may join.
   * @default 100
   */
  readonly channels: number
  /**
   * Messages from one connection.
   * @default { max: 200, timeWindow: 1_000 }
   */
  readonly messages: Rate
  /**
   * Bytes of the messages from one connection.
   * @default { max: 1_048_576, timeWindow: 1_000 }
   */
  readonly bytes: Rate
  /**
   * Joins and leaves from one connection. Not counted as `messages`, because a returning client joins all its channels
   * at once.
   * @default { max: 200, timeWindow: 10_000 }
   */
  readonly joins: Rate
  /**
   * New tokens (`refresh`) on one connection. Low, because each one runs `authorize` for all of its channels.
   * @default { max: 10, timeWindow: 60_000 }
   */
  readonly refreshes: Rate
  /**
   * Messages refused because of these rates that are tolerated before the connection is closed with 1008.
   * @default { max: 100, timeWindow: 10_000 }
   */
  readonly rateLimitErrors: ProtocolErrorLimit
  /**
   * Bytes that may wait to be sent to one connection. Beyond that it is closed with 1013.
   * @default 1_048_576
   */
  readonly sendQueueBytes: number
}

/** The limits that count for each connection by itself, so that each route may have its own. */
export type ConnectionLimits = Pick<Limits,
  'channels' | 'messages' | 'bytes' | 'joins' | 'refreshes' | 'rateLimitErrors' | 'sendQueueBytes'>

export const defaultLimits: Limits = {
  connections: 10_000,
  perUser: 20,
  perIp: 100,
  channels: 100,
  messages: { max: 200, timeWindow: 1_000 },
  bytes: { max: 1_048_576, timeWindow: 1_000 },
  joins: { max: 200, timeWindow: 10_000 },
  refreshes: { max: 10, timeWindow: 60_000 },
  rateLimitErrors: { max: 100, timeWindow: 10_000 },
  sendQueueBytes: 1_048_576
}

// Token buckets calculate with it, so it cannot be Infinity.
const unlimited = Number.MAX_SAFE_INTEGER

/** No limit on connections and rates. The memory of one connection stays bounded. */
export const noLimits: Limits = {
  ...defaultLimits,
  connections: unlimited,
  perUser: unlimited,
  perIp: unlimited,
  messages: { max: unlimited, timeWindow: 1 },
  bytes: { max: unlimited, timeWindow: 1 },
  joins: { max: unlimited, timeWindow: 1 },
  refreshes: { max: unlimited, timeWindow: 1 }
}
