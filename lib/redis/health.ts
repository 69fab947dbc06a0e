import type { Cluster, Redis } from 'ioredis'
import type { Clock } from '../clock.ts'
import type { AdapterStatus } from '../cluster/adapter.ts'
import type { Logger } from '../logger.ts'

/** The first version with sharded pub/sub. */
const minimumVersion = 7

export interface HealthDeps {
  readonly clock: Clock
  readonly log: Logger
  /** The rights that the Redis user lacks. Rejects while Redis cannot be asked. */
  readonly findIssue: () => Promise<string | undefined>
  /** Everything works, for the first time or again. */
  readonly recovered: () => void
}

/** Whether Redis works for this node, and since when it does not. */
export class Health {
  readonly #redis: Redis | Cluster
  readonly #deps: HealthDeps
  #status: AdapterStatus
  #subscriptionIssue: string | undefined = 'not connected yet'
  #versionIssue: string | undefined
  #rightsIssue: string | undefined
  #areRightsKnown = false
  #isCheckingRights = false

  constructor (redis: Redis | Cluster, deps: HealthDeps) {
    this.#redis = redis
    this.#deps = deps
    this.#status = { state: 'degraded', since: deps.clock.now(), reason: 'not connected yet' }
    redis.on('ready', () => {
      this.checkRights()
      this.#inspect().catch(() => {})
    })
    redis.on('close', () => this.#update())
  }

  get status (): AdapterStatus {
    return this.#status
  }

  /**
   * The issue with the subscriptions; undefined when there is none. Rights may be its cause, and rights that were
   * missing may have been granted, so they are checked as well.
   */
  setSubscriptionIssue (issue: string | undefined): void {
    this.#subscriptionIssue = issue
    if (issue !== undefined || this.#rightsIssue !== undefined) this.checkRights()
    this.#update()
  }

  /** Looks for missing rights, in the background and one check at a time. */
  checkRights (): void {
    if (this.#isCheckingRights) return
    this.#isCheckingRights = true
    this.#deps.findIssue().then((issue) => this.#setRightsIssue(issue)).catch(() => {}).finally(() => {
      this.#isCheckingRights = false
    })
  }

  close (): void {
    this.#redis.removeAllListeners('ready').removeAllListeners('close')
  }

  /** Reads the version and whether Redis may evict keys. */
  async #inspect (): Promise<void> {
    const found = String(await this.#redis.info('server')).replace(/^[^]*redis_version:([\d.]+)[^]*$/, '$1')
    const isTooOld = Number.parseInt(found) < minimumVersion
    this.#versionIssue = isTooOld ? `Redis ${found} is too old: use version ${minimumVersion} or newer` : undefined
    const { log } = this.#deps
    if (this.#versionIssue) log.error({}, this.#versionIssue)
    this.#update()
    const memory = String(await this.#redis.info('memory'))
    if (/maxmemory:[1-9]/.test(memory) && !/maxmemory_policy:noeviction/.test(memory)) {
      log.warn({}, 'Redis may evict keys, which loses histories and presence: set maxmemory-policy to noeviction')
    }
  }

  #setRightsIssue (issue: string | undefined): void {
    const isNew = issue !== undefined && issue !== this.#rightsIssue
    this.#rightsIssue = issue
    this.#areRightsKnown = true
    if (isNew) this.#deps.log.error({}, `${issue}: grant them, see the documentation on scaling`)
    this.#update()
  }

  #update (): void {
    const commandIssue = this.#redis.status === 'ready' ? undefined : 'the connection for commands is down'
    const unknown = this.#areRightsKnown ? undefined : 'the rights of the Redis user are not known yet'
    const reason = this.#versionIssue ?? this.#rightsIssue ?? this.#subscriptionIssue ?? commandIssue ?? unknown
    const before = this.#status
    const since = before.state === 'degraded' ? before.since : this.#deps.clock.now()
    this.#status = reason === undefined ? { state: 'up' } : { state: 'degraded', since, reason }
    if (before.state === this.#status.state) return
    if (reason !== undefined) {
      return this.#deps.log.warn({ reason }, 'Redis is unreachable, so this node serves only its own connections and ' +
        'refuses persistent messages: check Redis and the network')
    }
    this.#deps.log.info({}, 'Redis is reachable')
    this.#deps.recovered()
  }
}
