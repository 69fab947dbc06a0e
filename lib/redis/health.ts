import type { Cluster, Redis } from 'ioredis'
import type { Clock } from '../clock.ts'
import type { AdapterStatus } from '../cluster/adapter.ts'
import type { Logger } from '../logger.ts'

/** The first version with sharded pub/sub. */
const minimumVersion = 7

/** Whether Redis works for this node, and since when it does not. */
export class Health {
  readonly #clock: Clock
  readonly #log: Logger
  readonly #redis: Redis | Cluster
  readonly #recovered: () => void
  #status: AdapterStatus
  #subscriptionIssue: string | undefined = 'not connected yet'
  #versionIssue: string | undefined

  /** `recovered`: everything works, for the first time or again. */
  constructor (redis: Redis | Cluster, clock: Clock, log: Logger, recovered: () => void) {
    this.#redis = redis
    this.#recovered = recovered
    this.#clock = clock
    this.#log = log
    this.#status = { state: 'degraded', since: clock.now(), reason: 'not connected yet' }
    redis.on('ready', () => { this.#inspect().catch(() => {}) })
    redis.on('close', () => this.#update())
  }

  get status (): AdapterStatus {
    return this.#status
  }

  /** The issue with the subscriptions; undefined when there is none. */
  setSubscriptionIssue (issue: string | undefined): void {
    this.#subscriptionIssue = issue
    this.#update()
  }

  close (): void {
    this.#redis.removeAllListeners('ready').removeAllListeners('close')
  }

  /** Reads the version and whether Redis may evict keys. */
  async #inspect (): Promise<void> {
    const found = String(await this.#redis.info('server')).replace(/^[^]*redis_version:([\d.]+)[^]*$/, '$1')
    const isTooOld = Number.parseInt(found) < minimumVersion
    this.#versionIssue = isTooOld ? `Redis ${found} is too old: use version ${minimumVersion} or newer` : undefined
    if (this.#versionIssue) this.#log.error({}, this.#versionIssue)
    this.#update()
    const memory = String(await this.#redis.info('memory'))
    if (/maxmemory:[1-9]/.test(memory) && !/maxmemory_policy:noeviction/.test(memory)) {
      this.#log.warn({}, 'Redis may evict keys, which loses histories and presence: set maxmemory-policy to noeviction')
    }
  }

  #update (): void {
    const commandIssue = this.#redis.status === 'ready' ? undefined : 'the connection for commands is down'
    const reason = this.#versionIssue ?? this.#subscriptionIssue ?? commandIssue
    const before = this.#status
    const since = before.state === 'degraded' ? before.since : this.#clock.now()
    this.#status = reason === undefined ? { state: 'up' } : { state: 'degraded', since, reason }
    if (before.state === this.#status.state) return
    if (reason !== undefined) {
      return this.#log.warn({ reason }, 'Redis is unreachable, so this node serves only its own connections and ' +
        'refuses persistent messages: check Redis and the network')
    }
    this.#log.info({}, 'Redis is reachable')
    this.#recovered()
  }
}
