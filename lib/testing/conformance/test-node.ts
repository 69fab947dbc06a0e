import type { Adapter } from '../../cluster/adapter.ts'
import type { Append, HistoryEntry } from '../../cluster/history.ts'
import type { PresenceEntryRequest, PresenceList, PresenceVersion } from '../../cluster/presence.ts'
import type { PresenceChange } from '../../protocol/control-messages.ts'
import { encodeEnvelope } from '../../protocol/encoding.ts'
import type { Position } from '../../protocol/position.ts'
import type { TestTime } from './test-time.ts'

/** The events of one node by channel, in the order of arrival. Waits for events, never for a fixed time. */
export class EventRecorder<T> {
  readonly #byChannel = new Map<string, T[]>()
  #waiting: Array<() => void> = []

  push (channel: string, event: T): void {
    this.#byChannel.set(channel, [...this.of(channel), event])
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  of (channel: string): T[] {
    return this.#byChannel.get(channel) ?? []
  }

  /** Waits for the first wanted event of the channel. Resolves to the events before it. */
  async until (channel: string, isWanted: (event: T) => boolean): Promise<T[]> {
    while (!this.of(channel).some(isWanted)) await new Promise<void>((resolve) => { this.#waiting.push(resolve) })
    return this.of(channel).slice(0, this.of(channel).findIndex(isWanted))
  }
}

/** A presence change, and when it arrived in the cluster's time. */
export interface RecordedChange extends PresenceVersion {
  readonly change: PresenceChange
  readonly at: number
}

interface RecordedEntry {
  readonly epoch: string
  readonly entry: HistoryEntry
  readonly snapshot: string | undefined
}

/** An adapter with the events that it reported. */
export interface TestNode {
  readonly adapter: Adapter
  /** The payloads of the messages. */
  readonly messages: EventRecorder<string>
  readonly changes: EventRecorder<RecordedChange>
  readonly entries: EventRecorder<RecordedEntry>
  /** The ends of the revocations, by key. */
  readonly revoked: EventRecorder<number>
  /** Answers the requests of other nodes. Default: the request itself. */
  answer: (request: unknown) => unknown
}

export function startNode (adapter: Adapter, time: TestTime): TestNode {
  const node: TestNode = {
    adapter,
    messages: new EventRecorder(),
    changes: new EventRecorder(),
    entries: new EventRecorder(),
    revoked: new EventRecorder(),
    answer: (request) => request
  }
  adapter.start({
    message: (channel, encoded) => node.messages.push(channel, JSON.parse(encoded.toString()).payload),
    presenceChanged: (channel, version, change) => node.changes.push(channel, { ...version, change, at: time.now() }),
    entryAppended: (channel, epoch, entry, snapshot) => node.entries.push(channel, { epoch, entry, snapshot }),
    gap: () => {},
    revoked: (key, until) => node.revoked.push(key, until),
    requested: (request) => node.answer(request)
  })
  return node
}

export const message = (text: string) => encodeEnvelope({ type: 'said', payload: text })
export const connectionOf = (connection: string, user: string, data: unknown = {}): PresenceEntryRequest => {
  return { connection, user, data }
}
export const usersOf = ({ entries }: PresenceList) => entries.map(({ user }) => user).sort()
export const joined = (user: string) => ({ change }: RecordedChange) => {
  return change.joined?.some((entry) => entry.user === user) ?? false
}
export const left = (user: string) => ({ change }: RecordedChange) => change.left?.includes(user) ?? false

export async function subscribe (channel: string, ...nodes: TestNode[]): Promise<void> {
  for (const { adapter } of nodes) await adapter.pubsub.subscribe(channel)
}

/** All messages that `to` received on the channel, up to a last one that `from` publishes now. */
export async function messagesTo (to: TestNode, from: TestNode, channel: string): Promise<string[]> {
  await from.adapter.pubsub.publish(channel, message('the end'))
  return to.messages.until(channel, (text) => text === 'the end')
}

/** All presence changes that `to` received on the channel, up to a last user that enters on `from` now. */
export async function changesTo (to: TestNode, from: TestNode, channel: string): Promise<RecordedChange[]> {
  await from.adapter.presence.enter(channel, connectionOf('the end', 'the end'))
  return to.changes.until(channel, joined('the end'))
}

/** What an entry named after its text is appended as. */
export const appendOf = (text: string, more: Partial<Append> = {}): Append => {
  return { id: text, encoded: message(text), whenSlow: undefined, limit: 10, ttl: 60_000, ...more }
}

/** Appends an entry to the channel `x`. Resolves to its position. */
export async function appendTo (node: TestNode, text: string, more?: Partial<Append>): Promise<Position> {
  const outcome = await node.adapter.history.append('x', appendOf(text, more))
  return (outcome as { readonly position: Position }).position
}
