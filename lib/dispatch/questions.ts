import type { Adapter } from '../adapters/adapter.ts'
import type { Clock } from '../clock.ts'
import type { Registry, Target } from '../connection/registry.ts'
import type { CloseEvent } from '../protocol/close-events.ts'
import { closeEvents } from '../protocol/close-events.ts'
import type { WhenSlow } from '../protocol/frame.ts'
import type { Logger } from '../logger.ts'
import type { Rooms } from '../rooms/rooms.ts'
import type { Session } from './session.ts'

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
export interface Everywhere<T> {
  readonly results: readonly T[]
  readonly missing: readonly string[]
}

/** A frame for all connections of a user whose route declares that message. */
export interface SendQuestion { readonly userId: string, readonly type: string, readonly text: string, readonly whenSlow?: WhenSlow }

/** What a node asks the others, by name. All of it is JSON, and idempotent. */
export interface Questions {
  info (): NodeInfo
  send (question: SendQuestion): number
  disconnect (question: { readonly target: Target, readonly event: CloseEvent }): number
  members (question: { readonly channel: string }): ReadonlyArray<{ connectionId: string, userId?: string }>
  remove (question: { readonly channel: string, readonly target: Target, readonly code: string }): number
  reauthorize (question: { readonly userId: string }): Promise<void>
}

/** What of a node its answers are about. */
export interface Answering {
  readonly id: string
  readonly clock: Clock
  readonly registry: Registry
  readonly rooms: Pick<Rooms, 'size' | 'members'>
  readonly sessions: ReadonlyMap<string, Pick<Session, 'sends' | 'remove' | 'reauthorize'>>
}

/** This node's answers: to itself, and to others. */
export class LocalAnswers implements Questions {
  readonly #node: Answering
  readonly #report: (() => unknown) | undefined
  readonly #log: Logger
  readonly #startedAt: number

  constructor (node: Answering, report: (() => unknown) | undefined, log: Logger) {
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

  send ({ userId, type, text, whenSlow }: SendQuestion): number {
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

const names: ReadonlyArray<keyof Questions> = ['info', 'send', 'disconnect', 'members', 'remove', 'reauthorize']

/** Carries out what another node asks. @throws {TypeError} for what this version does not know: the asking node finds us missing */
export function answer (answers: Questions, asked: unknown): unknown {
  const [name, question] = Array.isArray(asked) ? asked as [keyof Questions, never] : []
  if (name === undefined || !names.includes(name)) throw new TypeError('an unknown question')
  return answers[name](question as never)
}

/** Milliseconds that other nodes get to answer. */
export const deadline = 1_000

/** Asks this node and all others. */
export async function askEverywhere<K extends keyof Questions> (
  node: { readonly adapter: Adapter, readonly answers: Questions }, name: K, ...question: Parameters<Questions[K]>
): Promise<Everywhere<Awaited<ReturnType<Questions[K]>>>> {
  const others = node.adapter.ask([name, ...question], deadline)
  const own = await (node.answers[name] as (...question: unknown[]) => unknown)(...question)
  const { results, missing } = await others
  return { results: [own, ...results.map((result) => result.answer)] as Array<Awaited<ReturnType<Questions[K]>>>, missing }
}
