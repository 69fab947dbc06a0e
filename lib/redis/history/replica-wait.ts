import type { Redis } from 'ioredis'
import type { Clock, Timer } from '../../clock.ts'
import type { Durability } from '../../cluster/history.ts'
import type { Logger } from '../../logger.ts'
import { end, replace } from '../connections.ts'
import { RedisUnavailable, ScriptRunner } from '../script-runner.ts'
import { confirmScript } from './confirm-script.ts'

/** Of a master; a replica has other parts. */
type Role = readonly [kind: string, offset: number, replicas: readonly unknown[]]

/** Entries of one channel that wait for the replicas. */
interface Waiting {
  /** The KEYS and ARGV of the confirm script. */
  readonly keys: readonly string[]
  readonly args: readonly string[]
  /** With whether the history still has the entries. */
  readonly resolve: (isThere: boolean) => void
  readonly reject: (error: Error) => void
  timer: Timer
}

export interface ReplicaWaitDeps extends Durability {
  /** A connection of its own, because WAIT blocks it. Not connected yet. */
  readonly redis: Redis
  readonly clock: Clock
  readonly log: Logger
}

/**
 * Waits until the replicas of one master have entries. One WAIT covers all entries that arrived during the one before,
 * so the number of appends is not bounded by the way to the replicas and back.
 */
export class ReplicaWait {
  readonly #deps: ReplicaWaitDeps
  readonly #scripts: ScriptRunner
  readonly #waiting = new Set<Waiting>()
  #isRunning = false
  #isFailing = false
  /** Counts the ends of the connection. WAIT covers the writes of its own connection only. */
  #closes = 0

  constructor (deps: ReplicaWaitDeps) {
    this.#deps = deps
    this.#scripts = new ScriptRunner(deps.redis)
    deps.redis.on('close', () => { this.#closes++ })
  }

  /**
   * Resolves once the replicas have the entries; to false when the history has not.
   *
   * @throws {RedisUnavailable} when that takes too long, or the connection fails
   */
  confirm (keys: readonly string[], args: readonly string[]): Promise<boolean> {
    const { clock, timeoutMs } = this.#deps
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { keys, args, resolve, reject, timer: undefined }
      const expire = () => this.#fail([waiting], new Error(`no answer after ${timeoutMs} ms`))
      waiting.timer = clock.setTimeout(expire, timeoutMs)
      this.#waiting.add(waiting)
      if (!this.#isRunning) this.#run()
    })
  }

  reconnect (): void {
    replace(this.#deps.redis)
  }

  close (): void {
    for (const one of this.#waiting) this.#reject(one, new Error('the adapter is closed'))
    end(this.#deps.redis)
  }

  async #run (): Promise<void> {
    this.#isRunning = true
    while (this.#waiting.size > 0) {
      await this.#connect()
      const batch = [...this.#waiting]
      await this.#confirmAll(batch).catch((error: Error) => this.#fail(batch, error))
    }
    this.#isRunning = false
  }

  async #connect (): Promise<void> {
    const { redis } = this.#deps
    if (redis.status === 'ready') return
    const isReady = new Promise<void>((resolve) => redis.once('ready', () => resolve()))
    if (redis.status === 'wait') redis.connect().catch(() => {})
    await isReady
  }

  async #confirmAll (batch: readonly Waiting[]): Promise<void> {
    const { redis, replicas, timeoutMs } = this.#deps
    const closes = this.#closes
    const role = redis.role() as Promise<unknown> as Promise<Role>
    const found = batch.map((one) => this.#isThere(one))
    const [kind, , connected] = await role
    // A Sentinel may name the old master for a moment, and that one is a replica later.
    if (kind !== 'master') {
      this.reconnect()
      throw new Error('this server is a replica itself')
    }
    const count = replicas ?? Math.max(1, connected.length)
    const present = (await Promise.all(found)).flatMap((one) => one ?? [])
    if (present.length === 0) return
    const confirmed = await redis.wait(count, timeoutMs)
    if (closes !== this.#closes) throw new Error('the connection was lost')
    if (confirmed < count) throw new Error(`${confirmed} of ${count} replicas have confirmed`)
    for (const one of present) this.#settle(one)?.resolve(true)
    this.#noteSuccess()
  }

  /** Settles those that are gone, and those that cannot be asked about because their slot has moved. */
  async #isThere (waiting: Waiting): Promise<Waiting | undefined> {
    try {
      if (await this.#scripts.run(confirmScript, waiting.keys, waiting.args) === 1) return waiting
      this.#settle(waiting)?.resolve(false)
    } catch (error) {
      this.#fail([waiting], error as Error)
    }
    return undefined
  }

  #fail (failed: readonly Waiting[], err: Error): void {
    for (const one of failed) this.#reject(one, err)
    if (this.#isFailing) return
    this.#isFailing = true
    const { log, replicas } = this.#deps
    log.warn({ replicas: replicas ?? 'all', err }, "the senders of durable messages get 'unavailable', because " +
      'replicas of Redis do not confirm them: check the replicas and their connection to the master')
  }

  #reject (waiting: Waiting, cause: Error): void {
    this.#settle(waiting)?.reject(new RedisUnavailable('the replicas of Redis have not confirmed an entry', { cause }))
  }

  #noteSuccess (): void {
    if (this.#isFailing) this.#deps.log.info({}, 'replicas of Redis confirm durable messages again')
    this.#isFailing = false
  }

  /** Undefined when it was settled before. */
  #settle (waiting: Waiting): Waiting | undefined {
    this.#deps.clock.clearTimeout(waiting.timer)
    return this.#waiting.delete(waiting) ? waiting : undefined
  }
}
