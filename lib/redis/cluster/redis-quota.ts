import type { QuotaOutcome, QuotaPort } from '../../cluster/quota.ts'
import type { RedisDeps } from '../redis-deps.ts'
import type { Lease } from './lease.ts'
import { quotaScript } from './quota-script.ts'

/** Users whose counts are stated at once, so that Redis can serve others in between. */
const pageSize = 100
/**
 * Users without a connection whose number may be too high in Redis. Beyond it the oldest is left to its expiry. Twice
 * the default of `limits.connections`: all connections may close in one outage.
 */
const maxReleased = 20_000

interface Held {
  /** The ids of the user's connections on this node. */
  readonly connections: Set<string>
  /** The version of the newest statement that was sent to Redis. */
  version: number
  /** When it was sent, by this node's clock. */
  statedAt: number
}

/**
 * The connections of each user, counted over all live nodes.
 *
 * Redis has one number for each user and incarnation. A node always states its whole number, with a version. So a lost
 * statement is repaired by the next one, and a late statement changes nothing. A number that Redis has not confirmed is
 * stated again with each renewal of the lease.
 */
export class RedisQuota implements QuotaPort {
  readonly #deps: RedisDeps
  readonly #lease: Lease
  /** By user, the oldest statement first. */
  readonly #held = new Map<string, Held>()
  /** The users whose number Redis has not confirmed: those with a connection here, and those without one. */
  readonly #unconfirmed = new Set<string>()
  readonly #released = new Set<string>()
  #version = 0

  constructor (deps: RedisDeps, lease: Lease) {
    this.#deps = deps
    this.#lease = lease
    lease.subscribe({ began: () => this.restore(), renewed: () => this.#confirm() })
  }

  /** The number of users with a connection, or with a number that Redis has not confirmed. */
  get size (): number {
    return this.#held.size
  }

  /** When it rejects, the connection counts all the same, because its user is let in. */
  async acquire (userId: string, connectionId: string, limit: number): Promise<QuotaOutcome> {
    const { connections } = this.#heldBy(userId)
    if (connections.has(connectionId)) return { granted: true }
    // Attempts that came later do not count for this one, so that two at once do not refuse each other.
    const rank = connections.add(connectionId).size
    this.#released.delete(userId)
    const outcome = await this.#stateWithin(userId, limit, rank)
    // Other statements sent meanwhile include the refused connection. One that fails is repeated.
    if (!outcome.granted) await this.release(userId, connectionId).catch(() => {})
    return outcome
  }

  /** States the number as it is, with room for one more. */
  async check (userId: string, limit: number): Promise<QuotaOutcome> {
    if (this.#heldBy(userId).connections.size === 0) this.#noteReleased(userId)
    return this.#stateWithin(userId, limit - 1)
  }

  async release (userId: string, connectionId: string): Promise<void> {
    const connections = this.#held.get(userId)?.connections
    if (!connections?.delete(connectionId)) return
    if (connections.size === 0) this.#noteReleased(userId)
    await this.#state(userId)
  }

  /** States every number again, in the background: under a new incarnation, or after Redis may have lost them. */
  restore (): void {
    for (const userId of this.#held.keys()) this.#unconfirmed.add(userId)
    this.#confirm()
  }

  /** States the numbers again that Redis has not confirmed, and those that would expire. */
  #confirm (): void {
    const { clock, reportFailure, timings } = this.#deps
    for (const [userId, { statedAt }] of this.#held) {
      if (clock.now() - statedAt < timings.quotaRestateMs) break
      this.#unconfirmed.add(userId)
    }
    this.#stateAll([...this.#unconfirmed]).catch((err) => reportFailure(err, 'the connections of users may be ' +
      'miscounted until the next renewal of the lease: check the connection to Redis'))
  }

  async #stateAll (userIds: readonly string[]): Promise<void> {
    for (let i = 0; i < userIds.length; i += pageSize) {
      await Promise.all(userIds.slice(i, i + pageSize).map((userId) => this.#state(userId)))
    }
  }

  /** Tries twice when the quota is used up: a renewal shows whether a node that holds a part of it is dead. */
  async #stateWithin (userId: string, limit: number, rank?: number): Promise<QuotaOutcome> {
    if (await this.#state(userId, limit, rank)) return { granted: true }
    await this.#lease.renew()
    if (await this.#state(userId, limit, rank)) return { granted: true }
    const { quotaRetryMinMs, quotaRetryMaxMs } = this.#deps.timings
    return {
      granted: false, retryAfter: Math.min(Math.max(quotaRetryMinMs, this.#lease.soonestExpiryMs), quotaRetryMaxMs)
    }
  }

  #noteReleased (userId: string): void {
    this.#released.add(userId)
    if (this.#released.size > maxReleased) this.#forget(this.#released.keys().next().value as string)
  }

  /** Resolves to whether the user's connections, at most the first `rank` of them, are within the limit. */
  async #state (userId: string, limit = Number.MAX_SAFE_INTEGER, rank = Infinity): Promise<boolean> {
    const { scripts, keys, timings: { quotaTtlMs, exitMarkerTtlMs } } = this.#deps
    this.#unconfirmed.add(userId)
    const incarnation = await this.#lease.requireIncarnation()
    const held = this.#heldBy(userId)
    const version = held.version = ++this.#version
    const { live, newest } = this.#lease
    const count = Math.min(held.connections.size, rank)
    const outcome = await scripts.run(quotaScript, [keys.ofUser(userId, 'connections')], [
      incarnation, version, count, limit, quotaTtlMs, exitMarkerTtlMs, newest, ...live.keys()
    ])
    if (outcome === -1) return this.#state(userId, limit, rank)
    const isNewest = held.version === version && held.connections.size === count
    if (outcome === 1 && isNewest) this.#noteConfirmed(userId, held)
    return outcome === 1
  }

  #noteConfirmed (userId: string, { connections }: Held): void {
    this.#unconfirmed.delete(userId)
    if (connections.size === 0) this.#forget(userId)
  }

  /** The record of a user, moved to the end: it is about to be stated. */
  #heldBy (userId: string): Held {
    const held = this.#held.get(userId) ?? { connections: new Set(), version: 0, statedAt: 0 }
    this.#held.delete(userId)
    this.#held.set(userId, held)
    held.statedAt = this.#deps.clock.now()
    return held
  }

  #forget (userId: string): void {
    for (const users of [this.#held, this.#unconfirmed, this.#released]) users.delete(userId)
  }
}
