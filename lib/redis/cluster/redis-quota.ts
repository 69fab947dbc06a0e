import type { QuotaOutcome, QuotaPort } from '../../cluster/quota.ts'
import type { RedisDeps } from '../redis-deps.ts'
import { acquireQuotaScript } from './acquire-quota-script.ts'
import type { Lease } from './lease.ts'
import { releaseQuotaScript } from './release-quota-script.ts'

/** A day after a user's last new connection the key expires: a backstop, because connections are released before. */
const quotaTtlMs = 86_400_000

interface Counted {
  readonly userId: string
  /** The incarnation under which the connection was counted. */
  readonly incarnation: string
}

/** The connections of each user, counted over all live nodes. */
export class RedisQuota implements QuotaPort {
  readonly #deps: RedisDeps
  readonly #lease: Lease
  readonly #counted = new Map<string, Counted>()

  constructor (deps: RedisDeps, lease: Lease) {
    this.#deps = deps
    this.#lease = lease
  }

  /** Tries twice when the quota is used up: a renewal shows whether a node that holds a part of it is dead. */
  async acquire (userId: string, connectionId: string, limit: number): Promise<QuotaOutcome> {
    if (await this.#acquire(userId, connectionId, limit)) return { granted: true }
    await this.#lease.renew()
    if (await this.#acquire(userId, connectionId, limit)) return { granted: true }
    const { quotaRetryMinMs, quotaRetryMaxMs } = this.#deps.timings
    return {
      granted: false, retryAfter: Math.min(Math.max(quotaRetryMinMs, this.#lease.soonestExpiryMs), quotaRetryMaxMs)
    }
  }

  async release (userId: string, connectionId: string): Promise<void> {
    const counted = this.#counted.get(connectionId)
    this.#counted.delete(connectionId)
    const incarnations = [this.#lease.incarnation, ...counted ? [counted.incarnation] : []]
    await this.#deps.scripts.run(releaseQuotaScript, [this.#key(userId)], [connectionId, ...incarnations])
  }

  /** Counts all connections of this node again: under a new incarnation, or after Redis may have lost them. */
  async restore (): Promise<void> {
    for (const [connectionId, { userId }] of this.#counted) {
      await this.#acquire(userId, connectionId, Number.MAX_SAFE_INTEGER)
    }
  }

  async #acquire (userId: string, connectionId: string, limit: number): Promise<boolean> {
    const incarnation = await this.#lease.requireIncarnation()
    const { live, newest } = this.#lease
    const args = [incarnation, connectionId, limit, quotaTtlMs, newest, ...live.keys()]
    const isGranted = await this.#deps.scripts.run(acquireQuotaScript, [this.#key(userId)], args) === 1
    if (isGranted) this.#counted.set(connectionId, { userId, incarnation })
    return isGranted
  }

  #key (userId: string): string {
    return this.#deps.keys.ofUser(userId, 'quota')
  }
}
