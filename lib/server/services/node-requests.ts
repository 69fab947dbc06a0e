import type { Adapter } from '../../cluster/adapter.ts'
import type { Clock } from '../../clock.ts'
import type { Registry, Target } from '../../connection/registry.ts'
import type { CloseEvent } from '../../protocol/close-events.ts'
import { closeEvents } from '../../protocol/close-events.ts'
import type { WhenSlow } from '../../protocol/when-slow.ts'
import type { Logger } from '../../logger.ts'
import type { Rooms } from '../../rooms/rooms.ts'
import type { Session } from '../session/session.ts'

/** What one node says of itself. */
export interface NodeInfo {
  readonly node: string
  readonly connections: number
  /** Rooms with members on it. */
  readonly rooms: number
  /** Milliseconds. */
  readonly uptime: number
  /** What the plugin's option `report` adds. */
  readonly report?: unknown
}

/** What all nodes answered by a deadline; `missing`: the ids of those that did not. */
export interface NodeResults<T> {
  readonly results: readonly T[]
  readonly missing: readonly string[]
}

/** A frame for all connections of a user whose route declares that message. */
export interface SendRequest { readonly userId: string, readonly type: string, readonly text: string, readonly whenSlow?: WhenSlow }

/** What a node asks the others, by name. All of it is JSON, and idempotent. */
export interface NodeRequests {
  info (): NodeInfo
  send (question: SendRequest): number
  disconnect (question: { readonly target: Target, readonly event: CloseEvent }): number
  members (question: { readonly channel: string }): ReadonlyArray<{ connectionId: string, userId?: string }>
  remove (question: { readonly channel: string, readonly target: Target, readonly code: string }): number
  reauthorize (question: { readonly userId: string }): Promise<void>
}

/** What of a node its answers are about. */
export interface NodeRequestDeps {
  readonly id: string
  readonly clock: Clock
  readonly registry: Registry
  readonly rooms: Pick<Rooms, 'size' | 'members'>
  readonly sessions: ReadonlyMap<string, Pick<Session, 'sends' | 'remove' | 'reauthorize'>>
}

/** This node's answers: to itself, and to others. */
export class LocalNodeRequests implements NodeRequests {
  readonly #node: NodeRequestDeps
  readonly #report: (() => unknown) | undefined
  readonly #log: Logger
  readonly #startedAt: number

  constructor (node: NodeRequestDeps, report: (() => unknown) | undefined, log: Logger) {
    this.#node = node
    this.#report = report
    this.#log = log
    this.#startedAt = node.clock.now()
  }

  info (): NodeInfo {
    const { id, registry, rooms, clock } = this.#node
    const report = this.#reported()
    return { node: id, connections: registry.size, rooms: rooms.size, uptime: clock.now() - this.#startedAt, ...(report !== undefined && { report }) }
  }

  send ({ userId, type, text, whenSlow }: SendRequest): number {
    const frame = Buffer.from(text)
    const reached = this.#node.registry.find({ userId }).filter(({ id }) => this.#node.sessions.get(id)?.sends(type))
    for (const connection of reached) connection.send(frame, whenSlow)
    return reached.length
  }

  disconnect ({ target, event }: { readonly target: Target, readonly event: CloseEvent }): number {
    const targeted = this.#node.registry.find(target)
    for (const connection of targeted) connection.close({ ...closeEvents.disconnected, ...event })
    return targeted.length
  }

  members ({ channel }: { readonly channel: string }): ReadonlyArray<{ connectionId: string, userId?: string }> {
    return this.#node.rooms.members(channel).map(({ id, userId }) => ({ connectionId: id, ...(userId !== undefined && { userId }) }))
  }

  remove ({ channel, target, code }: { readonly channel: string, readonly target: Target, readonly code: string }): number {
    const targeted = this.#node.rooms.members(channel).filter(({ id, userId }) =>
      'userId' in target ? userId === target.userId : id === target.connectionId)
    return targeted.filter(({ id }) => this.#node.sessions.get(id)?.remove(channel, code)).length
  }

  async reauthorize ({ userId }: { readonly userId: string }): Promise<void> {
    const sessions = this.#node.registry.find({ userId }).map(({ id }) => this.#node.sessions.get(id))
    await Promise.all(sessions.map((session) => session?.reauthorize()))
  }

  #reported (): unknown {
    try {
      return this.#report?.()
    } catch (err) {
      this.#log.error({ err }, "the option 'report' failed")
    }
  }
}

const names: ReadonlyArray<keyof NodeRequests> = ['info', 'send', 'disconnect', 'members', 'remove', 'reauthorize']

/** Carries out what another node asks. @throws {TypeError} for what this version does not know: the asking node finds us missing */
export function handleNodeRequest (answers: NodeRequests, asked: unknown): unknown {
  const [name, question] = Array.isArray(asked) ? asked as [keyof NodeRequests, never] : []
  if (name === undefined || !names.includes(name)) throw new TypeError('an unknown question')
  return answers[name](question as never)
}

/** Milliseconds that other nodes get to answer. */
export const deadline = 1_000

/** Asks this node and all others. */
export async function requestAllNodes<K extends keyof NodeRequests> (
  node: { readonly adapter: Adapter, readonly localRequests: NodeRequests }, name: K, ...question: Parameters<NodeRequests[K]>
): Promise<NodeResults<Awaited<ReturnType<NodeRequests[K]>>>> {
  const others = node.adapter.nodes.ask([name, ...question], deadline)
  const own = await (node.localRequests[name] as (...question: unknown[]) => unknown)(...question)
  const { results, missing } = await others
  return { results: [own, ...results.map((result) => result.answer)] as Array<Awaited<ReturnType<NodeRequests[K]>>>, missing }
}
