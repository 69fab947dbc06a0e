import { systemClock } from '../../clock.ts'
import type { Adapter } from '../../cluster/adapter.ts'
import type { Append, HistoryEntry } from '../../cluster/history.ts'
import type { Except } from '../../cluster/pubsub.ts'
import type { PresenceEntryRequest, PresenceList, PresenceVersion } from '../../cluster/presence.ts'
import type { PresenceChange, PresenceEntry } from '../../protocol/control-messages.ts'
import { encodeEnvelope, type EncodedMessage } from '../../protocol/encoding.ts'
import type { Position } from '../../protocol/position.ts'
import type { Member } from '../../rooms/member.ts'
import { Rooms } from '../../rooms/rooms.ts'
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
  /** The rooms of this node. */
  readonly rooms: Rooms
  /** The payloads of the messages. */
  readonly messages: EventRecorder<string>
  /** Whom these messages are not for. */
  readonly excepts: EventRecorder<Except | undefined>
  readonly changes: EventRecorder<RecordedChange>
  readonly entries: EventRecorder<RecordedEntry>
  /** How many gaps there were so far, at each of them. The channel is ''. */
  readonly gaps: EventRecorder<number>
  /** The ends of the revocations, by key. */
  readonly revoked: EventRecorder<number>
  /** Answers the requests of other nodes. Default: the request itself. */
  answer: (request: unknown) => unknown
}

export function startNode (adapter: Adapter, time: TestTime): TestNode {
  const node: TestNode = {
    adapter,
    rooms: new Rooms(adapter, systemClock),
    messages: new EventRecorder(),
    excepts: new EventRecorder(),
    changes: new EventRecorder(),
    entries: new EventRecorder(),
    gaps: new EventRecorder(),
    revoked: new EventRecorder(),
    answer: (request) => request
  }
  adapter.start({
    message: (channel, encoded, _whenSlow, except) => {
      node.excepts.push(channel, except)
      node.messages.push(channel, JSON.parse(encoded.toString()).payload)
    },
    presenceChanged: (channel, version, change) => {
      node.changes.push(channel, { ...version, change, at: time.now() })
      node.rooms.adapterEvents.presenceChanged(channel, version, change)
    },
    entriesAppended: (channel, epoch, entries) => {
      for (const { entry, snapshot } of entries) node.entries.push(channel, { epoch, entry, snapshot })
    },
    gap: () => node.gaps.push('', node.gaps.of('').length + 1),
    revoked: (key, until) => node.revoked.push(key, until),
    requested: (request) => node.answer(request)
  })
  return node
}

/** A function without effect. */
const nothing = Function.prototype as () => void

/** A member of a room on one node, and what it learns of the presence. */
export class TestMember implements Member {
  readonly id: string
  readonly userId: string
  /** The newest data of each user. */
  readonly known = new Map<string, unknown>()
  /** Every user that the member learned of, in the order in which it did. */
  readonly users = new EventRecorder<string>()
  // The rules have neither histories that start again nor lists that are too long for one message.
  readonly sendResync = nothing
  readonly sendPages = nothing
  readonly #node: TestNode

  constructor (node: TestNode, id: string, userId: string) {
    this.#node = node
    this.id = id
    this.userId = userId
  }

  /** Joins as a connection does. */
  async join (channel: string, data: unknown): Promise<void> {
    const { rooms } = this.#node
    await rooms.openRoom(channel, { list: 'all' })
    await rooms.enterPresence(channel, this, data)
    rooms.addMember(channel, this)
    const ack = rooms.presenceAckFor(channel, this, data, Infinity)
    this.#learn(channel, JSON.parse(String(ack?.json)))
  }

  leave (channel: string): void {
    const { rooms } = this.#node
    rooms.deleteMember(channel, this)
    rooms.exitPresence(channel, this, 0)
    rooms.releaseRoom(channel)
  }

  send (encoded: EncodedMessage): void {
    const { channel, payload } = JSON.parse(encoded.toString()) as { channel: string, payload: PresenceChange }
    this.#learn(channel, payload.joined ?? [])
    for (const { user, data } of payload.updated ?? []) this.known.set(user, data)
  }

  #learn (channel: string, entries: readonly PresenceEntry[]): void {
    for (const { user, data } of entries) {
      this.known.set(user, data)
      this.users.push(channel, user)
    }
  }
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
