import { randomBytes } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { Adapter, AdapterCounters, AdapterStatus } from '../cluster/adapter.ts'
import { AdapterEventRelay, type AdapterEvents } from '../cluster/events.ts'
import { clusterTimings, type ClusterTimings } from '../cluster/timings.ts'
import type { Logger } from '../logger.ts'
import { connectionOptionsOf, prefixOf, type RedisClient } from './client-settings.ts'
import { Lease } from './cluster/lease.ts'
import { RedisNodes } from './cluster/redis-nodes.ts'
import { RedisQuota } from './cluster/redis-quota.ts'
import { connectionsOf, type Connections } from './connections.ts'
import { Health } from './health.ts'
import { RedisHistory } from './history/redis-history.ts'
import { RedisIdempotency } from './idempotency/redis-idempotency.ts'
import { Keys } from './keys.ts'
import { RedisPresence } from './presence/redis-presence.ts'
import { PoisonReports } from './pubsub/poison-reports.ts'
import { PublishQueue } from './pubsub/publish-queue.ts'
import { RedisPubSub } from './pubsub/redis-pubsub.ts'
import { RedisSubscriptions } from './pubsub/subscriptions.ts'
import type { RedisDeps } from './redis-deps.ts'
import { findRightsIssue } from './rights.ts'
import { ScriptRunner } from './script-runner.ts'

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
  readonly #poison: PoisonReports

  constructor (options: RedisAdapterOptions) {
    const { client, prefix = 'fastify-channels', clock, log, timings = clusterTimings, random = Math.random } = options
    const { nodeId } = this
    const keys = new Keys(prefixOf(client) + prefix, connectionOptionsOf(client).db)
    const connections = this.#connections = connectionsOf(client, random)
    const publisher = this.#publishQueue = new PublishQueue(connections, nodeId, log)
    const scripts = new ScriptRunner(connections.command, () => this.#health.checkRights())
    const deps = { nodeId, scripts, publisher, keys, events: this.#events, timings, clock, random, log }
    this.#deps = deps
    this.#lease = new Lease(deps)
    this.history = new RedisHistory(deps)
    this.presence = new RedisPresence(deps, this.#lease)
    this.idempotency = new RedisIdempotency(deps)
    this.quota = new RedisQuota(deps, this.#lease)
    this.nodes = new RedisNodes(deps, this.#lease)
    const findIssue = () => findRightsIssue(scripts, keys)
    this.#health = new Health(connections.command, { clock, log, findIssue, recovered: () => this.#restore() })
    this.#poison = new PoisonReports(log, () => clock.now())
    this.#subscriptions = new RedisSubscriptions({
      connections,
      publisher,
      clock,
      poison: this.#poison,
      events: { gap: () => this.#restore(), issueChanged: (issue) => this.#health.setSubscriptionIssue(issue) },
      probeName: (number) => keys.ofNode(`${nodeId} ${number}`, 'probe')
    })
    this.pubsub = new RedisPubSub(deps, this.#subscriptions, { history: this.history, presence: this.presence })
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
    this.#runInBackground(this.nodes.start(this.#subscriptions))
  }

  async close (): Promise<void> {
    await this.presence.close()
    await this.#lease.resign().catch(() => {})
    this.#subscriptions.close()
    this.#health.close()
    this.#connections.command.disconnect()
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

  #runInBackground (work: Promise<void>): void {
    work.catch((err) => this.#deps.log.warn({ err }, 'revocations or node requests may be incomplete until ' +
      'the next reconnect: check the connection to Redis'))
  }
}
