import type { Clock } from '../../clock.ts'
import type { Metadata } from '../../connection/metadata.ts'
import type { Registry, Target } from '../../connection/registry.ts'
import { matchPattern, parsePattern } from '../../contract/pattern.ts'
import { logError, type Logger } from '../../logger.ts'
import { closeEvents, type CloseEvent } from '../../protocol/close-events.ts'
import type { WhenSlow } from '../../protocol/when-slow.ts'
import type { Rooms } from '../../rooms/rooms.ts'
import type { Session } from '../session/session.ts'
import { firstOf, type PageRequest } from './pages.ts'
import type { PendingUpgrades } from '../connections/pending-upgrades.ts'

/** What one node reports about itself. */
export interface NodeInfo {
  readonly node: string
  readonly connections: number
  /** Rooms with members on this node. */
  readonly rooms: number
  /** Milliseconds since its start. */
  readonly uptime: number
  /** What the plugin's option `report` returned, or resolved to. */
  readonly report?: unknown
}

/** A message for all connections of a user whose route declares it. `text`: the encoded envelope. */
export interface SendRequest {
  readonly userId: string
  readonly type: string
  readonly text: string
  readonly whenSlow?: WhenSlow
}

/** A channel with members. */
export interface RoomSize {
  readonly channel: string
  readonly connections: number
}

/** Which connections are wanted: those that match every given member. */
export interface ConnectionFilter {
  readonly userId?: string
  /** The name of a channel that the connection has joined: as of `Room.channel`. */
  readonly channel?: string
  /** The URL of a route, with its prefix. */
  readonly route?: string
  /** The id of a node: `channels.status().node` is this one. */
  readonly node?: string
  /** The fingerprint of the contracts that its client was built with, `unknown` or `other`. */
  readonly contract?: string
  /** Members that the connection's metadata have. */
  readonly metadata?: Metadata
}

/** A connection in a list. Times are milliseconds since 1970. */
export interface ListedConnection {
  readonly connectionId: string
  readonly userId?: string
  readonly node: string
  readonly route: string
  readonly ip: string
  readonly connectedAt: number
  readonly lastSeen: number
  readonly contract: string
  readonly metadata: Metadata
}

/** Connections in a room, as node requests name them. */
export interface MemberInfo {
  readonly connectionId: string
  readonly userId?: string
}

type LocalSession = Pick<Session, 'sends' | 'add' | 'remove' | 'reauthorize'>

export interface LocalNodeRequestsDeps {
  readonly nodeId: string
  readonly clock: Clock
  readonly registry: Registry
  readonly rooms: Pick<Rooms, 'size' | 'sizes' | 'members' | 'refreshHistory'>
  readonly sessions: ReadonlyMap<string, LocalSession>
  readonly pendingUpgrades: Pick<PendingUpgrades, 'disconnect'>
  readonly log: Logger
  readonly report: (() => unknown) | undefined
  /** Closes the connections of a revoked user or token on this node, and returns their number. */
  revoke (key: string, until: number): number
}

/** Carries out node requests on this node. */
export class LocalNodeRequests {
  readonly #deps: LocalNodeRequestsDeps
  readonly #startedAt: number

  constructor (deps: LocalNodeRequestsDeps) {
    this.#deps = deps
    this.#startedAt = deps.clock.now()
  }

  async info (): Promise<NodeInfo> {
    const { nodeId, registry, rooms, clock } = this.#deps
    const report = await this.#report()
    const uptime = clock.now() - this.#startedAt
    const sizes = { connections: registry.size, rooms: rooms.size }
    return { node: nodeId, ...sizes, uptime, ...(report !== undefined && { report }) }
  }

  send ({ userId, type, text, whenSlow }: SendRequest): number {
    const { registry, sessions } = this.#deps
    const encoded = Buffer.from(text)
    const connections = registry.find({ userId }).filter(({ id }) => sessions.get(id)?.sends(type))
    for (const connection of connections) connection.send(encoded, whenSlow)
    return connections.length
  }

  disconnect ({ target, event }: { readonly target: Target, readonly event: CloseEvent }): number {
    const { registry, pendingUpgrades } = this.#deps
    const whole = { ...closeEvents.disconnected, ...event }
    const connections = registry.find(target)
    for (const connection of connections) connection.close(whole)
    const pending = 'userId' in target ? pendingUpgrades.disconnect(target.userId, whole) : 0
    return connections.length + pending
  }

  members ({ channel }: { readonly channel: string }): readonly MemberInfo[] {
    const members = this.#deps.rooms.members(channel)
    return members.map(({ id, userId }) => ({ connectionId: id, ...(userId !== undefined && { userId }) }))
  }

  /** The rooms with members whose channel matches `pattern`. */
  rooms ({ pattern, ...page }: PageRequest & { readonly pattern?: string }): readonly RoomSize[] {
    const parsed = pattern === undefined ? undefined : parsePattern(pattern)
    const sizes = [...this.#deps.rooms.sizes].map(([channel, connections]) => ({ channel, connections }))
    const matching = parsed ? sizes.filter(({ channel }) => matchPattern(parsed, channel)) : sizes
    return firstOf(matching, ({ channel }) => channel, page)
  }

  /** The connections that match every given member of the filter. */
  connections ({ filter, ...page }: PageRequest & { readonly filter: ConnectionFilter }): readonly ListedConnection[] {
    const { registry, nodeId } = this.#deps
    const { userId, channel, route, node = nodeId, contract, metadata = {} } = filter
    if (node !== nodeId) return []
    const found = (userId === undefined ? registry.all() : registry.find({ userId })).filter((connection) =>
      (channel === undefined || connection.channels.has(channel)) &&
      (route ?? connection.route) === connection.route && (contract ?? connection.contract) === connection.contract &&
      Object.entries(metadata).every(([name, value]) => connection.metadata[name] === value))
    return firstOf(found, ({ id }) => id, page).map((connection) => {
      const { id, userId, ip, route, connectedAt, lastSeen, contract, metadata } = connection
      const user = userId !== undefined && { userId }
      return { connectionId: id, ...user, node: nodeId, route, ip, connectedAt, lastSeen, contract, metadata }
    })
  }

  /** Joins the user's connections, or one connection, to a channel. Resolves to how many are in it then. */
  async add ({ channel, target }: { readonly channel: string, readonly target: Target }): Promise<number> {
    const results = await Promise.all(this.#sessions(target).map((session) => session.add(channel)))
    return results.filter((isMember) => isMember).length
  }

  /** Takes the user's connections, or one connection, out of a channel. Returns how many were in it. */
  remove (
    { channel, target, code }: { readonly channel: string, readonly target: Target, readonly code: string }
  ): number {
    return this.#sessions(target).filter((session) => session.remove(channel, code)).length
  }

  /** Takes everyone out of a channel. Returns how many were in it. */
  close ({ channel, code }: { readonly channel: string, readonly code: string }): number {
    return [...this.#deps.sessions.values()].filter((session) => session.remove(channel, code)).length
  }

  /** Reads the history of a channel again. */
  refreshHistory ({ channel }: { readonly channel: string }): true {
    this.#deps.rooms.refreshHistory(channel)
    return true
  }

  /** Resolves to the number of the user's connections, whose rights are checked then. */
  async reauthorize ({ userId }: { readonly userId: string }): Promise<number> {
    const sessions = this.#sessions({ userId })
    await Promise.all(sessions.map((session) => session.reauthorize()))
    return sessions.length
  }

  /** `forMs`: how long the revocation lasts, because the clocks of two machines differ. */
  revoke ({ key, forMs }: { readonly key: string, readonly forMs: number }): number {
    return this.#deps.revoke(key, this.#deps.clock.now() + forMs)
  }

  #sessions (target: Target): LocalSession[] {
    const { registry, sessions } = this.#deps
    return registry.find(target).flatMap(({ id }) => sessions.get(id) ?? [])
  }

  async #report (): Promise<unknown> {
    try {
      return await this.#deps.report?.()
    } catch (err) {
      logError(this.#deps.log, {}, err, "the option 'report' failed: this node's info lacks its report")
    }
  }
}
