import type { Adapter } from '../../cluster/adapter.ts'
import type { Append, HistoryEntry } from '../../cluster/history.ts'
import type { PresenceEntryRequest, PresenceList } from '../../cluster/presence.ts'
import type { PresenceChange } from '../../protocol/control-messages.ts'
import { encodeEnvelope } from '../../protocol/encoding.ts'
import type { Position } from '../../protocol/position.ts'
import { EventRecorder } from './event-recorder.ts'

export interface Numbered { readonly epoch: string, readonly sequence: number, readonly change: PresenceChange }

interface Appended { readonly epoch: string, readonly entry: HistoryEntry, readonly snapshot: string | undefined }

/** An adapter with all that it told. */
export interface Node {
  readonly adapter: Adapter
  readonly frames: EventRecorder<string>
  readonly changes: EventRecorder<Numbered>
  readonly entries: EventRecorder<Appended>
  readonly revoked: EventRecorder<number>
  /** What it answers to other nodes. */
  answer: (question: unknown) => unknown
}

export function startNode (adapter: Adapter): Node {
  const node: Node = { adapter, frames: new EventRecorder(), changes: new EventRecorder(), entries: new EventRecorder(), revoked: new EventRecorder(), answer: (question) => question }
  adapter.start({
    message: (channel, sent) => node.frames.push(channel, JSON.parse(sent.toString()).payload),
    presenceChanged: (channel, { epoch, sequence }, change) => node.changes.push(channel, { epoch, sequence, change }),
    entryAppended: (channel, epoch, entry, snapshot) => node.entries.push(channel, { epoch, entry, snapshot }),
    gap: () => {},
    revoked: (key, until) => node.revoked.push(key, until),
    requested: (question) => node.answer(question)
  })
  return node
}

export const bytes = (text: string) => encodeEnvelope({ type: 'said', payload: text })
export const claim = (connection: string, user: string, data: unknown = {}): PresenceEntryRequest => ({ connection, user, data })
export const usersOf = ({ entries }: PresenceList) => entries.map(({ user }) => user).sort()
export const joined = (user: string) => ({ change }: Numbered) => change.joined?.some((entry) => entry.user === user) ?? false
export const left = (user: string) => ({ change }: Numbered) => change.left?.includes(user) ?? false

/** What `to` was told on the channel until now: a last frame of ours closes the list. */
export async function framesOf (to: Node, from: Node, channel: string): Promise<string[]> {
  await from.adapter.pubsub.publish(channel, bytes('the end'))
  return to.frames.until(channel, (text) => text === 'the end')
}

/** The changes that `to` was told on the channel until now: a last user of ours closes the list. */
export async function presenceOf (to: Node, from: Node, channel: string): Promise<Numbered[]> {
  await from.adapter.presence.enter(channel, claim('the end', 'the end'))
  return to.changes.until(channel, joined('the end'))
}

export async function subscribe (channel: string, ...nodes: Node[]): Promise<void> {
  for (const { adapter } of nodes) await adapter.pubsub.subscribe(channel)
}

/** Appends an entry named after its text. */
export async function appended (node: Node, text: string, more: Partial<Append> = {}): Promise<Position> {
  const outcome = await node.adapter.history.append('x', { id: text, encoded: bytes(text), whenSlow: undefined, limit: 10, ttl: 60_000, ...more })
  return (outcome as { readonly position: Position }).position
}
