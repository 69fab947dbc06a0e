import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import type { Adapter, AdapterCounters } from '../cluster/adapter.ts'
import type { Clock } from '../clock.ts'
import { Connection, type ConnectionDeps } from '../connection/connection.ts'
import type { Identity } from '../connection/identity.ts'
import { Counters, type Totals } from '../connection/counters.ts'
import { Heartbeat, type HeartbeatOptions } from '../connection/heartbeat.ts'
import { Registry } from '../connection/registry.ts'
import { revokedBy, Revocations } from '../connection/revocations.ts'
import { Flusher } from '../connection/sending/flusher.ts'
import { UserRateLimits } from '../limits/user-rate-limits.ts'
import type { Logger } from '../logger.ts'
import { closeEvents } from '../protocol/close-events.ts'
import { Rooms } from '../rooms/rooms.ts'
import { Contracts } from './contracts.ts'
import { HandlerTimeouts } from './handler-timeouts.ts'
import { IdempotentMessages } from './messages/idempotent-messages.ts'
import { LiveConnections } from './connections/live-connections.ts'
import type { Router } from './router.ts'
import { Drain, type DrainOptions } from './services/drain.ts'
import { LocalNodeRequests } from './services/local-node-requests.ts'
import { NodeRequests } from './services/node-requests.ts'
import { PendingUpgrades } from './connections/pending-upgrades.ts'
import type { SessionDeps, SessionOptions } from './session/session-deps.ts'
import { Session } from './session/session.ts'
import { SocketListeners } from './connections/socket-listeners.ts'
import { Sweeper, type Swept } from './connections/sweeper.ts'
import { withTimeout } from './with-timeout.ts'

export interface NodeOptions extends SessionOptions {
  readonly heartbeat: HeartbeatOptions
  readonly drain: DrainOptions
  /** Refuses patterns prone to backtracking. @default false */
  readonly strictPatterns?: boolean
  /** Adds to what this node reports to others. */
  readonly report?: () => unknown
}

/** The state of a node. `since`, in milliseconds since 1970, and `reason` are given while it is `degraded`. */
export interface NodeStatus {
  readonly state: 'up' | 'degraded' | 'draining'
  readonly since?: number
  readonly reason?: string
  readonly node: string
  readonly connections: number
  /** The connections by the contract of their client: its fingerprint, `unknown` without one, `other` for others. */
  readonly contracts: Readonly<Record<string, number>>
  readonly rooms: number
  /** Counted since the start. */
  readonly counters: AdapterCounters & Totals
  /** Milliseconds that the last message took to Redis and back. Absent before the first one, and without Redis. */
  readonly roundTrip?: number
}

/** One server process: composes its connections, rooms and adapter. It reports and accepts nothing before `start`. */
export class Node {
  readonly adapter: Adapter
  readonly clock: Clock
  readonly contracts: Contracts
  readonly log: Logger
  readonly counters = new Counters()
  readonly registry = new Registry()
  readonly heartbeat: Heartbeat
  readonly revocations: Revocations
  readonly rooms: Rooms
  readonly connections: LiveConnections
  readonly drain: Drain
  readonly requests: NodeRequests
  readonly pendingUpgrades = new PendingUpgrades()
  readonly #sweeper: Sweeper
  readonly #listeners: SocketListeners
  readonly #connectionDeps: Omit<ConnectionDeps, 'sendQueueBytes'>
  readonly #sessionDeps: SessionDeps

  constructor (options: NodeOptions, adapter: Adapter, clock: Clock, log: Logger) {
    const { registry, counters, pendingUpgrades } = this
    const { handlerTimeout, strictPatterns = false, report } = options
    const rateLimits = new UserRateLimits(clock)
    const idempotentMessages = new IdempotentMessages(adapter.idempotency, clock)
    this.adapter = adapter
    this.contracts = new Contracts({ clock, log, handlerTimeout, strictPatterns })
    this.clock = clock
    this.log = log
    this.heartbeat = new Heartbeat(options.heartbeat, clock)
    this.revocations = new Revocations(clock)
    const rooms = this.rooms = new Rooms(adapter, clock)
    this.connections = new LiveConnections(registry, this.heartbeat, clock)
    const isAlone = () => Number(adapter.liveNodes) < 2
    this.drain = new Drain({ clock, options: options.drain, connections: this.connections, isAlone })
    this.drain.onRefuse(() => { rooms.isDraining = true })
    this.#listeners = new SocketListeners(this.connections)
    const { sessions } = this.connections
    const { nodeId, nodes } = adapter
    const revoke = (key: string, until: number) => this.revoke(key, until)
    const local = new LocalNodeRequests({
      nodeId, clock, registry, rooms, sessions, pendingUpgrades, log, report, revoke
    })
    this.requests = new NodeRequests({ nodeId, clock, port: nodes, local })
    const expiring = [rateLimits, this.revocations]
    this.#sweeper = new Sweeper({ clock, rooms, connections: this.connections, expiring })
    this.#connectionDeps = { clock, flusher: new Flusher(), counters }
    const timeouts = new HandlerTimeouts(clock, handlerTimeout)
    this.#sessionDeps = { clock, registry, rooms, counters, rateLimits, idempotentMessages, timeouts, options }
  }

  /** Begins to take part in the cluster. Resolves even when no other node can be reached yet. */
  async start (): Promise<void> {
    this.#sweeper.start()
    const { adapterEvents } = this.rooms
    await this.adapter.start({
      ...adapterEvents,
      gap: () => {
        adapterEvents.gap()
        this.connections.reauthorizeAll()
        this.requests.repeatUnchecked()
      },
      revoked: (key, until) => { this.revoke(key, until) },
      requested: (request) => this.requests.handle(request)
    })
  }

  get status (): NodeStatus {
    const { adapter: { status, counters: adapterCounters, nodeId, roundTrip }, registry, rooms, counters } = this
    return {
      ...status,
      ...(this.drain.isDraining && { state: 'draining' as const }),
      node: nodeId,
      connections: registry.size,
      contracts: registry.contracts,
      rooms: rooms.size,
      counters: { ...adapterCounters, ...counters.totals },
      ...(roundTrip !== undefined && { roundTrip })
    }
  }

  /** The stale entries that the sweeper removed since the start. */
  get swept (): Swept {
    return this.#sweeper.swept
  }

  /**
   * Closes the connections of a revoked user or token on this node, and refuses new ones until `until`, in milliseconds
   * since 1970. Returns the number of connections closed.
   */
  revoke (key: string, until: number): number {
    this.revocations.add(key, until)
    const { registry, revocations } = this
    const revoked = registry.findRevoked(revokedBy(key))
      .filter((connection) => connection.isOpen && revocations.isRevoked(connection))
    for (const connection of revoked) connection.close(closeEvents.revoked)
    return revoked.length
  }

  /** Accepts a socket that was just upgraded. `transport` is the TCP or TLS socket beneath it. */
  accept (webSocket: WebSocket, transport: Socket, identity: Identity, router: Router, log: Logger): Connection {
    const { sendQueueBytes } = router.route.limits
    const deps = { ...this.#connectionDeps, sendQueueBytes }
    const connection = new Connection(webSocket, transport, identity, log, deps)
    const session = new Session(connection, router, this.#sessionDeps)
    this.connections.add(session)
    if (this.revocations.isRevoked(connection)) connection.close(closeEvents.revoked)
    // Not counted towards the send queue's limit, which may be smaller.
    connection.sendRecovery(router.welcome(connection.id))
    this.#listeners.add(webSocket, session)
    if (connection.isOpen) session.start()
    return connection
  }

  /** Drains, then closes the adapter. Its time is limited, because it waits for Redis. */
  async close (): Promise<void> {
    const { drain, adapter, clock, log } = this
    await drain.close()
    this.#sweeper.stop()
    this.#sessionDeps.timeouts.close()
    await withTimeout(clock, drain.leftMs, adapter.close()).catch((err: unknown) => {
      log.warn({ err }, 'the node did not sign off: its users leave when its lease is over')
    })
  }
}
