import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import type { Adapter, AdapterCounters } from '../cluster/adapter.ts'
import type { Clock } from '../clock.ts'
import { Connection, type ConnectionDeps } from '../connection/connection.ts'
import type { Identity } from '../connection/identity.ts'
import { Heartbeat, type HeartbeatOptions } from '../connection/heartbeat.ts'
import { TokenExpiry } from '../connection/token-expiry.ts'
import { Flusher } from '../connection/send-queue.ts'
import { Registry } from '../connection/registry.ts'
import { Revocations } from '../connection/revocations.ts'
import { Counters, type Totals } from '../connection/counters.ts'
import type { Logger } from '../logger.ts'
import { closeEvents } from '../protocol/close-events.ts'
import { Rooms } from '../rooms/rooms.ts'
import { Contracts } from './contracts.ts'
import type { Router } from './router.ts'
import { UserRateLimits } from '../limits/user-rate-limits.ts'
import { IdempotentMessages } from './idempotent-messages.ts'
import { handleNodeRequest, LocalNodeRequests } from './services/node-requests.ts'
import type { SessionOptions } from './session/session-deps.ts'
import { Session } from './session/session.ts'
import { Sweeper, type Swept } from './sweeper.ts'

export interface NodeOptions extends SessionOptions {
  readonly heartbeat: HeartbeatOptions
  readonly report?: () => unknown
}

/** How a node is. `since`, in milliseconds since 1970, and `reason`: why it is `degraded`. */
export interface NodeStatus {
  readonly state: 'up' | 'degraded' | 'draining'
  readonly since?: number
  readonly reason?: string
  readonly node: string
  readonly connections: number
  readonly rooms: number
  /** Since the start. */
  readonly counters: AdapterCounters & Totals
  /** Milliseconds that the last message to oneself through Redis took; left out where there is no Redis, or none has come back yet. */
  readonly roundTrip?: number
}

/** One server process: its connections, its rooms, and what keeps them alive. */
export class Node {
  readonly contracts = new Contracts()
  readonly registry = new Registry()
  readonly sessions = new Map<string, Session>()
  readonly rooms: Rooms
  readonly heartbeat: Heartbeat
  readonly revocations: Revocations
  readonly counters = new Counters()
  readonly #rateLimits: UserRateLimits
  readonly #once: IdempotentMessages
  readonly #expiry: TokenExpiry<Connection>
  readonly #sweeper: Sweeper
  readonly #options: NodeOptions
  readonly adapter: Adapter
  readonly clock: Clock
  readonly localRequests: LocalNodeRequests
  readonly #connectionServices: ConnectionDeps
  #isDraining = false
  #emptied: (() => void) | undefined

  constructor (options: NodeOptions, adapter: Adapter, clock: Clock, log: Logger) {
    this.rooms = new Rooms(adapter, clock)
    this.heartbeat = new Heartbeat(options.heartbeat, clock)
    this.revocations = new Revocations(clock)
    this.#rateLimits = new UserRateLimits(clock)
    this.#once = new IdempotentMessages(adapter.idempotency, clock)
    this.#expiry = new TokenExpiry(clock, (connection) => connection.close(closeEvents.expired))
    this.#sweeper = new Sweeper(this, clock)
    this.#options = options
    this.adapter = adapter
    this.clock = clock
    this.localRequests = new LocalNodeRequests(this, options.report, log)
    this.#connectionServices = { clock, flusher: new Flusher(), counters: this.counters, sendQueueBytes: options.limits.sendQueueBytes }
    adapter.start({
      ...this.rooms.adapterEvents,
      revoked: (key, until) => { this.revoke(key, until) },
      requested: (request) => handleNodeRequest(this.localRequests, request)
    })
  }

  get id (): string {
    return this.adapter.nodeId
  }

  get status (): NodeStatus {
    const { adapter: { status, counters: adapterCounters, nodeId, roundTrip }, registry, rooms, counters } = this
    return {
      ...status,
      ...(this.#isDraining && { state: 'draining' as const }),
      node: nodeId,
      connections: registry.size,
      rooms: rooms.size,
      counters: { ...adapterCounters, ...counters.totals },
      ...(roundTrip !== undefined && { roundTrip })
    }
  }

  /** Closes every connection here whose user or token that is, and lets none in until then. Returns how many were closed. */
  revoke (key: string, until: number): number {
    this.revocations.add(key, until)
    const live = this.registry.all().filter((connection) => connection.isOpen && this.revocations.isRevoked(connection))
    for (const connection of live) connection.close(closeEvents.revoked)
    return live.length
  }

  /** Takes on a socket that has just been upgraded; `transport` is the TCP or TLS socket beneath it. */
  accept (webSocket: WebSocket, transport: Socket, identity: Identity, router: Router, log: Logger): Connection {
    const connection = new Connection(webSocket, transport, identity, log, this.#connectionServices)
    const { clock, rooms, counters } = this
    const session = new Session(connection, router, { clock, rooms, counters, rateLimits: this.#rateLimits, idempotentMessages: this.#once, options: this.#options })
    this.#add(connection, session)
    if (this.revocations.isRevoked(connection)) connection.close(closeEvents.revoked)
    webSocket.on('message', (data: Buffer, isBinary) => {
      connection.countReceived(data.length)
      if (isBinary) this.#refuseBinary(connection)
      else session.receive(data.toString(), data.length)
    })
    webSocket.on('ping', () => session.pingReceived())
    webSocket.on('pong', () => connection.markAlive())
    webSocket.on('close', (code) => {
      log.info({ code }, 'connection closed')
      this.remove(connection)
    })
    return connection
  }

  /** Tells every client, after the last upgrade, and resolves when the last one is gone, at the latest after the close timeout. */
  async close (): Promise<void> {
    this.#isDraining = true
    const emptied = new Promise<void>((resolve) => { this.#emptied = resolve })
    for (const connection of this.registry.all()) connection.close(closeEvents.restart)
    if (this.registry.size > 0) await emptied
    this.#sweeper.stop()
    await this.adapter.close()
  }

  /** Stale entries removed by the sweep. */
  get swept (): Swept {
    return this.#sweeper.swept
  }

  /** Removes entries that belong to no connection of the registry; returns how many there were. */
  removeOrphans (): number {
    const isOrphan = ({ id }: { id: string }) => this.registry.get(id) === undefined
    const sessions = [...this.sessions.values()].filter(({ connection }) => isOrphan(connection))
    for (const { connection } of sessions) this.remove(connection)
    return sessions.length + this.rooms.removeMembers(isOrphan)
  }

  /** Lets go of what no longer makes a difference. */
  forgetExpired (): void {
    this.#rateLimits.sweep()
    this.revocations.sweep()
  }

  #refuseBinary (connection: Connection): void {
    connection.log.warn({ code: closeEvents.binary.code }, closeEvents.binary.reason)
    connection.close(closeEvents.binary)
  }

  #add (connection: Connection, session: Session): void {
    this.registry.add(connection)
    this.sessions.set(connection.id, session)
    this.heartbeat.watch(connection)
    this.#expiry.watch(connection)
  }

  /** Removes every trace of a connection that is gone; again changes nothing. */
  remove (connection: Connection): void {
    connection.markClosed()
    this.sessions.get(connection.id)?.end()
    this.heartbeat.unwatch(connection)
    this.#expiry.unwatch(connection)
    this.sessions.delete(connection.id)
    this.registry.delete(connection)
    if (this.registry.size === 0) this.#emptied?.()
  }
}
