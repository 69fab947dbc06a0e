import type { Cluster, Redis } from 'ioredis'
import type { Clock } from '../clock.ts'
import type { Logger } from '../logger.ts'
import type { AdapterStatus } from '../cluster/adapter.ts'

/** Sharded pub/sub begins with this version. */
const oldest = 7

/** Whether Redis can be worked with, and since when it cannot. */
export class Health {
  readonly #clock: Clock
  readonly #log: Logger
  readonly #redis: Redis | Cluster
  #status: AdapterStatus
  #subscriptions: string | undefined = 'not connected yet'
  #version: string | undefined

  readonly #recovered: () => void

  /** `recovered`: all of it works, for the first time or again. */
  constructor (redis: Redis | Cluster, clock: Clock, log: Logger, recovered: () => void) {
    this.#redis = redis
    this.#recovered = recovered
    this.#clock = clock
    this.#log = log
    this.#status = { state: 'degraded', since: clock.now(), reason: this.#subscriptions as string }
    redis.on('ready', () => { this.#ask().catch(() => {}) })
    redis.on('close', () => this.#judge())
  }

  get status (): AdapterStatus {
    return this.#status
  }

  /** What is wrong with the subscriptions; undefined when nothing is. */
  subscriptions (fault: string | undefined): void {
    this.#subscriptions = fault
    this.#judge()
  }

  close (): void {
    this.#redis.removeAllListeners('ready').removeAllListeners('close')
  }

  /** What this Redis is, and whether it may forget what it was told to keep. */
  async #ask (): Promise<void> {
    const info = String(await this.#redis.info('server'))
    const version = /redis_version:(\d+)[.\d]*/.exec(info)
    this.#version = version && Number(version[1]) < oldest ? `Redis ${version[0].slice(14)} is too old: version ${oldest} or newer is needed` : undefined
    if (this.#version) this.#log.error({}, this.#version)
    this.#judge()
    const memory = String(await this.#redis.info('memory'))
    if (/maxmemory:[1-9]/.test(memory) && !/maxmemory_policy:noeviction/.test(memory)) {
      this.#log.warn({}, 'Redis may evict keys: set its maxmemory-policy to noeviction, or logs and presence can be lost')
    }
  }

  #judge (): void {
    const reason = this.#version ?? this.#subscriptions ?? (this.#redis.status === 'ready' ? undefined : 'the connection for commands is down')
    const before = this.#status
    if (reason === undefined) this.#status = { state: 'up' }
    else this.#status = { state: 'degraded', since: before.state === 'degraded' ? before.since : this.#clock.now(), reason }
    if (before.state === this.#status.state) return
    if (reason !== undefined) return this.#log.warn({ reason }, 'Redis is away: this node serves its own members')
    this.#log.info({}, 'Redis is up')
    this.#recovered()
  }
}
