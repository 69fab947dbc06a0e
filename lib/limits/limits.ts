import type { Rate } from './token-bucket.ts'
import type { ProtocolErrorLimit } from './protocol-error-budget.ts'

/** What one server, one user, one address and one connection may use. Every one of them has a safe default. */
export interface Limits {
  /** Connections of this server; more are answered 503. Default 10,000. */
  readonly connections: number
  /** Connections of one user; more are answered 429. Default 20. */
  readonly perUser: number
  /** Connections from one IP address, upgrades under way included; more are answered 429. Default 100. */
  readonly perIp: number
  /** Channels that one connection may be in. Default 100. */
  readonly channels: number
  /** Messages of one connection. Default 200 in 1,000 ms. */
  readonly messages: Rate
  /** Bytes of one connection's messages. Default 1 MiB in 1,000 ms. */
  readonly bytes: Rate
  /** Joins and leaves of one connection: apart from `messages`, for a client that comes back joins all it was in. Default 200 in 10,000 ms. */
  readonly joins: Rate
  /** Refusals for any of these rates that are forgiven before the connection is closed. Default 100 in 10,000 ms. */
  readonly rateLimitErrors: ProtocolErrorLimit
  /** Bytes that may wait to be sent to one connection; then the message's `whenSlow` decides. Default 1 MiB. */
  readonly sendQueueBytes: number
}

export const defaultLimits: Limits = {
  connections: 10_000,
  perUser: 20,
  perIp: 100,
  channels: 100,
  messages: { max: 200, timeWindow: 1_000 },
  bytes: { max: 1_048_576, timeWindow: 1_000 },
  joins: { max: 200, timeWindow: 10_000 },
  rateLimitErrors: { max: 100, timeWindow: 10_000 },
  sendQueueBytes: 1_048_576
}

// Not Infinity: buckets calculate with it.
const unlimited = Number.MAX_SAFE_INTEGER

/** No limit on connections and rates; what a connection may hold in memory stays bounded. */
export const noLimits: Limits = {
  ...defaultLimits,
  connections: unlimited,
  perUser: unlimited,
  perIp: unlimited,
  messages: { max: unlimited, timeWindow: 1 },
  bytes: { max: unlimited, timeWindow: 1 },
  joins: { max: unlimited, timeWindow: 1 }
}
