import { randomBytes } from 'node:crypto'
import type { Cluster, Redis } from 'ioredis'
import type { Clock } from '../clock.ts'
import type { Logger } from '../logger.ts'
import type { Adapter, AdapterCounters, AdapterStatus } from '../cluster/adapter.ts'
import type { AdapterEvents } from '../cluster/events.ts'
import type { HistoryPort } from '../cluster/history.ts'
import type { IdempotencyPort } from '../cluster/idempotency.ts'
import type { NodesPort } from '../cluster/nodes.ts'
import type { PresencePort } from '../cluster/presence.ts'
import type { PubSubPort } from '../cluster/pubsub.ts'
import type { QuotaPort } from '../cluster/quota.ts'
import { RedisIdempotency } from './idempotency/redis-idempotency.ts'
import { connectionsOf, prefixOf, type Connections } from './connections.ts'
import { decodeBatch, encodeForNodes, senderOf } from './pubsub/message-batch.ts'
import { Health } from './health.ts'
import { Keys } from './keys.ts'
import { leaseTimes, type LeaseTimes } from './cluster/lease.ts'
import { RedisHistory } from './history/redis-history.ts'
import { PublishQueue } from './pubsub/publish-queue.ts'
import { RedisQuota } from './cluster/redis-quota.ts'
import { PoisonLog } from './pubsub/poison-log.ts'
import { RedisPresence } from './presence/redis-presence.ts'
import { RedisNodeRequests } from './cluster/redis-node-requests.ts'
import { RedisRevocations } from './cluster/redis-revocations.ts'
import { ScriptRunner } from './script-runner.ts'
import { RedisSubscriptions } from './pubsub/subscriptions.ts'
import type { RedisDeps } from './redis-deps.ts'

export interface RedisAdapterOptions {
  /** Whose Redis, or Redis Cluster, it is: connections of our own are made after it, and it stays yours. */
  readonly client: Redis | Cluster
  /** Before every key and channel name, after the client's own `keyPrefix`; nodes with the same ones are one cluster. Default: `fastify-channels`. */
  readonly prefix?: string
  readonly clock: Clock
  readonly log: Logger
  /** Default: renewed every 5,000 ms, over after 15,000. */
  readonly lease?: LeaseTimes
  readonly random?: () => number
}

/** The adapter of many processes: everything that they share is in one Redis, 7 or newer, alone, with Sentinels or as a Cluster. */
export class RedisAdapter implements Adapter {
  readonly nodeId = randomBytes(8).toString('hex')
  readonly pubsub: PubSubPort = {
    subscribe: (channel) => this.#subscribe(channel),
    unsubscribe: (channel) => this.#subscriptions.unsubscribe(this.#pubsub(channel)),
    publish: (channel, message, whenSlow) => {
      return this.#outgoing.publish(this.#pubsub(channel), 'f', encodeForNodes(message, whenSlow))
    }
  }

  readonly history: HistoryPort = {
    append: (channel, append) => this.#log.append(channel, append),
    read: (channel, since) => this.#log.read(channel, since),
    positions: (channels) => this.#log.positions(channels)
  }

  readonly presence: PresencePort = {
    enter: (channel, entry) => this.#presence.enter(channel, entry),
    exit: (channel, connectionId, graceMs) => this.#presence.exit(channel, connectionId, graceMs),
    list: (channel) => this.#presence.present(channel),
    count: (channel) => this.#presence.count(channel)
  }

  readonly idempotency: IdempotencyPort = {
    claim: (channel, claim) => this.#claims.claim(channel, claim),
    finish: (channel, claim, reply, entries) => this.#claims.finish(channel, claim, reply, entries),
    release: (channel, claim) => this.#claims.release(channel, claim)
  }

  readonly quota: QuotaPort = {
    acquire: (userId, connectionId, limit) => this.#places.reserve(userId, connectionId, limit),
    release: (userId, connectionId) => this.#places.free(userId, connectionId)
  }

  readonly nodes: NodesPort = {
    ask: (request, deadlineMs) => this.#questions.ask(request, deadlineMs),
    revoke: (key, until) => this.#revocations.revoke(key, until)
  }

  readonly #connections: Connections
  readonly #outgoing: PublishQueue
  readonly #subscriptions: RedisSubscriptions
  readonly #health: Health
  readonly #poison: PoisonLog
  readonly #around: RedisDeps
  readonly #lease: LeaseTimes
  #received = 0
  #receiver!: AdapterEvents
  #log!: RedisHistory
  #claims!: RedisIdempotency
  #presence!: RedisPresence
  #places!: RedisQuota
  #revocations!: RedisRevocations
  #questions!: RedisNodeRequests

  constructor ({ client, prefix = 'fastify-channels', clock, log, lease = leaseTimes, random = Math.random }: RedisAdapterOptions) {
    const keys = new Keys(prefixOf(client) + prefix)
    this.#lease = lease
    this.#connections = connectionsOf(client, random)
    this.#outgoing = new PublishQueue(this.#connections, this.nodeId, log)
    this.#health = new Health(this.#connections.command, clock, log, () => this.#restore())
    this.#poison = new PoisonLog(log, () => clock.now())
    const events = { gap: () => this.#restore(), health: (reason: string | undefined) => this.#health.subscriptions(reason) }
    this.#subscriptions = new RedisSubscriptions(this.#connections, this.#outgoing, events, clock, this.#poison, (number) => keys.ofNode(`${this.nodeId} ${number}`, 'probe'))
    const commands = new ScriptRunner(this.#connections.command)
    this.#around = { node: this.nodeId, commands, subscriptions: this.#subscriptions, publisher: this.#outgoing, keys, clock, random, log }
  }

  get status (): AdapterStatus {
    return this.#health.status
  }

  /** How many nodes live, this one included, as far as this one knows. */
  get known (): number {
    return this.#presence.lease.live.size
  }

  get counters (): AdapterCounters {
    return { published: this.#outgoing.published, received: this.#received, dropped: this.#outgoing.dropped, poison: this.#poison.count }
  }

  get roundTrip (): number | undefined {
    return this.#subscriptions.roundTrip
  }

  start (receiver: AdapterEvents): void {
    this.#receiver = receiver
    this.#log = new RedisHistory(this.#around, receiver)
    this.#claims = new RedisIdempotency(this.#around)
    this.#presence = new RedisPresence(this.#around, receiver, this.#lease, () => this.#quietly(this.#places.restore()))
    this.#places = new RedisQuota(this.#around, this.#presence.lease)
    this.#revocations = new RedisRevocations(this.#around, receiver)
    this.#questions = new RedisNodeRequests(this.#around, this.#presence.lease, receiver)
    this.#connections.command.on('ready', () => this.#subscriptions.look()).connect().catch(() => {})
    this.#subscriptions.start()
    this.#quietly(this.#subscriptions.subscribe(this.#around.keys.shared('nodes-pubsub'), {
      q: (body) => this.#questions.takeQuestion(body),
      r: (body) => this.#revocations.take(body)
    }))
    this.#quietly(this.#subscriptions.subscribe(this.#questions.inboxOf(this.nodeId), { a: (body) => this.#questions.takeAnswer(body) }))
  }

  async close (): Promise<void> {
    await this.#presence?.close().catch(() => {})
    this.#subscriptions.close()
    this.#health.close()
    this.#connections.command.disconnect()
  }

  #subscribe (channel: string): Promise<void> {
    return this.#subscriptions.subscribe(this.#pubsub(channel), {
      f: (body) => this.#takeFrames(channel, body),
      l: (body) => this.#count(1, this.#log.take(channel, body)),
      p: (body) => this.#count(1, this.#presence.take(channel, body))
    })
  }

  /** All names are subscribed, perhaps again: Redis was away, and may have lost anything. */
  #restore (): void {
    this.#receiver.gap()
    this.#quietly(this.#presence.restore().then(() => this.#places.restore()))
    this.#quietly(this.#revocations.restore())
  }

  #takeFrames (channel: string, body: Buffer): void {
    if (senderOf(body) === this.nodeId) return
    const frames = decodeBatch(body)
    this.#count(frames.length)
    for (const { frame, whenSlow } of frames) this.#receiver.message(channel, frame, whenSlow)
  }

  #count (messages: number, _taken?: void): void {
    this.#received += messages
  }

  #pubsub (channel: string): string {
    return this.#around.keys.ofChannel(channel, 'pubsub')
  }

  #quietly (outcome: Promise<void>): void {
    outcome.catch((err) => this.#around.log.warn({ err }, 'Redis could not be told'))
  }
}
