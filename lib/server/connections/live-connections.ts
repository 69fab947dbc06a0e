import type { Clock } from '../../clock.ts'
import type { Connection } from '../../connection/connection.ts'
import type { Heartbeat } from '../../connection/heartbeat.ts'
import type { Registry } from '../../connection/registry.ts'
import { TokenExpiry } from '../../connection/token-expiry.ts'
import { CoalescedTask } from '../../coalesced-task.ts'
import { closeEvents, type CloseEvent } from '../../protocol/close-events.ts'
import type { Session } from '../session/session.ts'

/** Sessions whose rights are checked at the same time: more could be too much for the database behind `authorize`. */
const reauthorizingSessions = 32

/** The live connections of this node with their sessions: enters each one in every table, and removes it from all. */
export class LiveConnections {
  readonly registry: Registry
  readonly heartbeat: Heartbeat
  readonly sessions = new Map<string, Session>()
  /** The ends of sessions whose route has a function for it. */
  readonly #ending = new Set<Promise<void>>()
  readonly #expiry: TokenExpiry<Connection>
  readonly #reauthorization = new CoalescedTask(() => this.#reauthorizeSessions())
  readonly #waiting: Array<() => void> = []

  constructor (registry: Registry, heartbeat: Heartbeat, clock: Clock) {
    this.registry = registry
    this.heartbeat = heartbeat
    this.#expiry = new TokenExpiry(clock, (connection) => connection.close(closeEvents.expired))
  }

  add (session: Session): void {
    const { connection } = session
    this.registry.add(connection)
    this.sessions.set(connection.id, session)
    this.heartbeat.watch(connection)
    this.#expiry.watch(connection)
  }

  /** Removes a connection from every table. A second call changes nothing. `event`: how the peer closed it. */
  remove (connection: Connection, event?: CloseEvent): void {
    connection.markClosed()
    connection.quotas.release()
    this.#track(this.sessions.get(connection.id)?.end(event))
    this.heartbeat.unwatch(connection)
    this.#expiry.unwatch(connection)
    this.sessions.delete(connection.id)
    this.registry.delete(connection)
    if (this.registry.size === 0) for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** Removes sessions whose connection is not in the registry, and returns their number. */
  removeOrphans (): number {
    const orphans = [...this.sessions.values()].filter(({ connection }) => !this.registry.get(connection.id))
    for (const { connection } of orphans) this.remove(connection)
    return orphans.length
  }

  /**
   * Runs `authorize` again for all channels of all connections, because requests of other nodes may have been missed.
   * Calls during a run share one further run.
   */
  reauthorizeAll (): Promise<void> {
    return this.#reauthorization.run()
  }

  /** Each worker takes the next session when it is done with one, so a slow `authorize` delays few others. */
  async #reauthorizeSessions (): Promise<void> {
    const sessions = [...this.sessions.values()].values()
    const work = async () => { for (const session of sessions) await session.reauthorize() }
    await Promise.all(Array.from({ length: reauthorizingSessions }, work))
  }

  /** Resolves once there is no connection. */
  whenEmpty (): Promise<void> {
    if (this.registry.size === 0) return Promise.resolve()
    return new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  /** Resolves once no message is being handled or waits for it. */
  async whenIdle (): Promise<void> {
    await Promise.all([...this.sessions.values()].map((session) => session.whenIdle()))
  }

  /** Resolves once the `disconnected` functions of the connections that have ended are done. */
  async whenEnded (): Promise<void> {
    await Promise.all(this.#ending)
  }

  #track (ending: Promise<void> | undefined): void {
    if (!ending) return
    this.#ending.add(ending)
    ending.finally(() => this.#ending.delete(ending))
  }
}
