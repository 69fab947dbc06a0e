import { randomBytes } from 'node:crypto'
import type { Clock, Timer } from '../clock.ts'
import type { Adapter, AdapterCounters, AdapterStatus } from '../cluster/adapter.ts'
import { AdapterEventRelay, type AdapterEvents } from '../cluster/events.ts'
import { clusterTimings, type ClusterTimings } from '../cluster/timings.ts'
import type { Logger } from '../logger.ts'
import { databaseOf, prefixOf, type RedisClient } from './client-settings.ts'
import { Lease } from './cluster/lease.ts'
import { RedisNodes } from './cluster/redis-nodes.ts'
import { RedisQuota } from './cluster/redis-quota.ts'
import { connectionsOf, end, type Connections } from './connections.ts'
import { Health } from './health/health.ts'
import { stateOf, type Issue } from './health/issues.ts'
import { findRightsIssue } from './health/rights.ts'
import { StateCheck } from './health/state-check.ts'
import { RedisHistory } from './history/redis-history.ts'
import { RedisIdempotency } from './idempotency/redis-idempotency.ts'
import { Keys } from './keys.ts'
import { RedisPresence } from './presence/redis-presence.ts'
import { PoisonReports } from './pubsub/poison-reports.ts'
import { PublishQueue } from './pubsub/publish-queue.ts'
import { RedisPubSub } from './pubsub/redis-pubsub.ts'
import { RedisSubscriptions } from './pubsub/subscriptions.ts'
import type { RedisDeps } from './redis-deps.ts'
import { isMissingRight, RedisUnavailable, ScriptRunner } from './script-runner.ts'

export interface RedisAdapterOptions {
  /** The application's client for a Redis or a Redis Cluster. The adapter makes connections to its addresses. */
  readonly client: RedisClient
  /**
   * Comes before every key and channel name, after the client's own `keyPrefix`. Nodes with the same prefix form one
   * cluster. @default 'fastify-channels'
   */
  readonly prefix?: string
  readonly clock: Clock
  readonly log: Logger
  /** Equal on all nodes. @default clusterTimings */
  readonly timings?: ClusterTimings
  /** A number of [0, 1). @default Math.random */
  readonly random?: () => number
}

/** How soon the slots of a Cluster are read again when something failed. */
const slotsRefreshMs = 100

/** Connects many processes over one Redis, version 7 or newer: alone, with Sentinels, or as a Cluster. */
export class RedisAdapter implements Adapter {
  readonly nodeId = randomBytes(8).toString('hex')
  readonly pubsub: RedisPubSub
  readonly history: RedisHistory
  readonly presence: RedisPresence
  readonly idempotency: RedisIdempotency
  readonly quota: RedisQuota
  readonly nodes: RedisNodes
  readonly #deps: RedisDeps
  readonly #events = new AdapterEventRelay()
  readonly #connections: Connections
  readonly #publishQueue: PublishQueue
  readonly #subscriptions: RedisSubscriptions
  readonly #lease: Lease
  readonly #health: Health
  readonly #stateCheck: StateCheck
  readonly #poison: PoisonReports
  #slotsTimer: Timer

  constructor (options: RedisAdapterOptions) {
    const { client, prefix = 'fastify-channels', clock, log, timings = clusterTimings, random = Math.random } = options
    const keys = new Keys(prefixOf(client) + prefix, databaseOf(client))
    const connections = this.#connections = connectionsOf(client, random, (error) => this.#health.noteError(error))
    const refused = (cause: unknown) => this.#noteRefusal(cause)
    const scripts = new ScriptRunner(connections.command, refused, clock)
    const publisher = this.#publishQueue = new PublishQueue(connections, this.nodeId, log, refused)
    const shared = { clock, random, log, reportFailure: (err: unknown, text: string) => this.#reportFailure(err, text) }
    const deps = { ...shared, nodeId: this.nodeId, scripts, publisher, keys, events: this.#events, timings }
    this.#deps = deps
    this.#lease = new Lease(deps)
    this.history = new RedisHistory(deps, connections)
    this.presence = new RedisPresence(deps, this.#lease)
    this.idempotency = new RedisIdempotency(deps)
    this.quota = new RedisQuota(deps, this.#lease)
    this.nodes = new RedisNodes(deps, this.#lease)
    this.#health = this.#newHealth(deps)
    this.#poison = new PoisonReports(log, () => clock.now())
    this.#subscriptions = new RedisSubscriptions({
      connections,
      publisher,
      clock,
      poison: this.#poison,
      events: { gap: () => this.#restore(), issueChanged: (issue) => this.#health.setSubscriptions(issue), refused },
      probeName: (text) => keys.ofNode(`${this.nodeId} ${text}`, 'probe')
    })
    const names = () => this.#subscriptions.probeNames
    this.#stateCheck = new StateCheck({ scripts, clock, names, checked: (issue) => this.#noteState(issue) })
    this.pubsub = new RedisPubSub(deps, this.#subscriptions, { history: this.history, presence: this.presence })
  }

  #newHealth ({ clock, log, keys }: RedisDeps): Health {
    const connections = this.#connections
    return new Health({
      connections,
      clock,
      log,
      findRightsIssue: () => findRightsIssue(connections.servers().map((server) => new ScriptRunner(server)), keys),
      checkState: () => { this.#stateCheck.run() },
      dropped: () => this.#publishQueue.dropped,
      recovered: () => this.#restore()
    })
  }

  get status (): AdapterStatus {
    return this.#health.status
  }

  /** The number of live nodes, this one included, as of its last renewal. */
  get liveNodes (): number {
    return this.#lease.live.size
  }

  get counters (): AdapterCounters {
    const { published, dropped } = this.#publishQueue
    return { published, received: this.pubsub.received, dropped, poison: this.#poison.count }
  }

  get roundTrip (): number | undefined {
    return this.#subscriptions.roundTrip
  }

  start (events: AdapterEvents): void {
    this.#events.connect(events)
    this.presence.start()
    this.#connections.command.on('ready', () => this.#subscriptions.refresh()).connect().catch(() => {})
    this.#subscriptions.start()
    this.#stateCheck.start()
    this.#runInBackground(this.nodes.start(this.#subscriptions))
  }

  async close (): Promise<void> {
    await this.presence.close()
    await this.#lease.resign().catch(() => {})
    this.#stateCheck.stop()
    this.#deps.clock.clearTimeout(this.#slotsTimer)
    this.#subscriptions.close()
    this.#health.close()
    this.history.replicas.close()
    end(this.#connections.command)
  }

  /** Everything is subscribed, perhaps again: messages were missed, and Redis may have lost its data. */
  #restore (): void {
    this.#events.gap()
    this.#runInBackground(this.#lease.renew().then(() => {
      this.presence.reconcile()
      this.quota.restore()
    }))
    this.#runInBackground(this.nodes.restore())
  }

  /** A replica stays one, unless its address leads elsewhere by now: the connections are made again. */
  #noteState (issue: Issue | undefined): void {
    this.#health.setState(issue)
    if (issue?.kind !== 'replica' && issue?.kind !== 'masterdown') return
    this.#connections.reconnect()
    this.#subscriptions.reconnect()
    this.history.replicas.reconnect()
  }

  /** Looks at once what the cause of a refusal means for the others. */
  #noteRefusal (cause: unknown): void {
    this.#refreshSlots()
    if (isMissingRight(cause)) this.#health.checkRights()
    if (this.status.state === 'up' && stateOf(cause)) this.#stateCheck.run()
  }

  /** A master of a Cluster may be gone. */
  #refreshSlots (): void {
    if (!('slots' in this.#connections.command)) return
    this.#slotsTimer ??= this.#deps.clock.setTimeout(() => {
      this.#slotsTimer = undefined
      this.#connections.refresh()
    }, slotsRefreshMs)
  }

  #reportFailure (err: unknown, text: string): void {
    if (this.status.state === 'up' && !(err instanceof RedisUnavailable)) this.#deps.log.warn({ err }, text)
  }

  #runInBackground (work: Promise<void>): void {
    work.catch((err) => this.#reportFailure(err, 'revocations or node requests may be incomplete until ' +
      'the next reconnect: check the connection to Redis'))
  }
}
