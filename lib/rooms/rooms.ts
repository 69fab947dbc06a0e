import type { Adapter } from '../cluster/adapter.ts'
import type { AdapterEvents } from '../cluster/events.ts'
import type { Append, AppendOutcome, HistoryPort, HistoryRead } from '../cluster/history.ts'
import type { Except } from '../cluster/pubsub.ts'
import type { Clock } from '../clock.ts'
import type { RecoveryContent } from '../history/history-cache.ts'
import { PositionPoller } from '../history/position-poller.ts'
import type { EncodedMessage } from '../protocol/encoding.ts'
import type { Position } from '../protocol/position.ts'
import type { WhenSlow } from '../protocol/when-slow.ts'
import { exceptElsewhere, isExcepted } from './exceptions.ts'
import { userOf, type Member } from './member.ts'
import { MessageIds } from './message-ids.ts'
import { Pacing } from './pacing.ts'
import type { PresenceAck } from './presence/announcements.ts'
import { Room, type RoomOptions } from './room.ts'

export interface BroadcastOptions {
  readonly whenSlow?: WhenSlow
  readonly except?: Except | undefined
}

/** The rooms of this node, connected by the adapter with the rooms of other nodes. */
export class Rooms {
  readonly messageIds = new MessageIds()
  readonly pacing = new Pacing()
  /** Whether clients move to other nodes, where they have another connection for a moment. */
  isDraining = false
  readonly #adapter: Adapter
  readonly #clock: Clock
  readonly #rooms = new Map<string, Room>()
  readonly #positions: PositionPoller

  constructor (adapter: Adapter, clock: Clock) {
    this.#adapter = adapter
    this.#clock = clock
    this.#positions = new PositionPoller(adapter.history, clock)
  }

  /** The handlers of those adapter events that concern rooms. */
  get adapterEvents (): Pick<AdapterEvents, 'message' | 'presenceChanged' | 'entriesAppended' | 'gap'> {
    return {
      message: (channel, encoded, whenSlow, except) => this.#deliver(channel, encoded, whenSlow, except),
      presenceChanged: (channel, version, change) => this.#rooms.get(channel)?.presence?.apply(version, change),
      entriesAppended: (channel, epoch, entries) => this.#rooms.get(channel)?.history?.receive(epoch, entries),
      gap: () => { for (const room of this.#rooms.values()) room.refresh() }
    }
  }

  /** The number of rooms with a member or an unfinished join. */
  get size (): number { return this.#rooms.size }

  /**
   * Holds the room of a channel, and opens it first if necessary. Each call, even a failed one, is followed by one
   * `releaseRoom`. Rejects when the adapter cannot subscribe or cannot read the history.
   */
  async openRoom (channel: string, options: RoomOptions = {}): Promise<void> {
    const room = this.#rooms.get(channel) ?? this.#createRoom(channel, options)
    room.holds++
    await room.ready
  }

  releaseRoom (channel: string): void {
    const room = this.#rooms.get(channel) as Room
    if (--room.holds > 0) return
    this.#rooms.delete(channel)
    room.close()
    this.#positions.unwatch(channel)
    ignoreFailure(this.#adapter.pubsub.unsubscribe(channel))
  }

  /** `presenceId`: the id with which `enterPresence` was called for this member. */
  addMember (channel: string, member: Member, presenceId = member.id): void {
    this.#rooms.get(channel)?.members.set(member.id, member)
    this.#rooms.get(channel)?.presenceIds.set(member.id, presenceId)
  }

  deleteMember (channel: string, member: Member): void {
    this.#rooms.get(channel)?.deleteMember(member)
  }

  /**
   * Publishes a message to other nodes and delivers it to the members of this one. Neither waits for the other. Other
   * nodes come first, because that is one write, while local delivery is one per member.
   */
  broadcast (channel: string, encoded: EncodedMessage, { whenSlow, except }: BroadcastOptions = {}): void {
    ignoreFailure(this.#adapter.pubsub.publish(channel, encoded, whenSlow, this.#exceptElsewhere(channel, except)))
    this.#deliver(channel, encoded, whenSlow, except)
  }

  /**
   * Appends to a channel's history, from which the members of all nodes receive the entry in order. Rejects when the
   * append failed, or when its outcome is unknown.
   */
  async append (channel: string, append: Append): Promise<AppendOutcome> {
    const outcome = await this.#adapter.history.append(channel, append)
    if ('position' in outcome) this.#rooms.get(channel)?.history?.expectEntry(outcome.position)
    return outcome
  }

  /** What came after `since`, at least up to `newest`: from this node's copy of the history, where it has one. */
  async missedSince (channel: string, since: Position, newest: Position): Promise<RecoveryContent | HistoryRead> {
    const history = this.#rooms.get(channel)?.history
    return history ? await history.missedSince(since, newest) : await this.histories.read(channel, since)
  }

  /** The shared histories. */
  get histories (): HistoryPort { return this.#adapter.history }

  /** Reads the history of a channel again, if this node follows it. */
  refreshHistory (channel: string): void {
    this.#rooms.get(channel)?.history?.refresh()
  }

  /** Reads the shared history first, if a client has seen more of it on another node than this node has. */
  async catchUpWith (channel: string, since: Position | undefined): Promise<void> {
    if (since) await this.#rooms.get(channel)?.history?.catchUpWith(since)
  }

  /** What a joining member receives from the history; undefined where the channel has none. */
  recoveryAfter (channel: string, since: Position | undefined): RecoveryContent | undefined {
    const room = this.#rooms.get(channel)
    return room?.history?.recoveryAfter(since, room.initial)
  }

  /** The channels that have members on this node, with their number. */
  get sizes (): ReadonlyMap<string, number> {
    const sizes = [...this.#rooms].map(([channel, { members }]) => [channel, members.size] as const)
    return new Map(sizes.filter(([, size]) => size > 0))
  }

  members (channel: string): Member[] {
    return [...this.#rooms.get(channel)?.members.values() ?? []]
  }

  /** Removes the members whose connection no longer exists; returns how many there were. */
  removeMembers (isOrphan: (member: Member) => boolean): number {
    let removed = 0
    for (const [channel, { members, presenceIds }] of this.#rooms) {
      for (const member of [...members.values()].filter(isOrphan)) {
        removed++
        this.exitPresence(channel, { id: presenceIds.get(member.id) as string }, 0)
        this.deleteMember(channel, member)
        this.releaseRoom(channel)
      }
    }
    return removed
  }

  /** Counts a user as present, under an id of its membership. Rejects when the adapter cannot. */
  async enterPresence (channel: string, member: Pick<Member, 'id' | 'userId'>, data: unknown): Promise<void> {
    await this.#adapter.presence.enter(channel, { connection: member.id, user: userOf(member), data })
  }

  /** From now on the member's entry in presence has this id. Returns false when the connection is no member. */
  replacePresenceId (channel: string, { id }: Pick<Member, 'id'>, presenceId: string): boolean {
    const room = this.#rooms.get(channel)
    return room?.members.has(id) === true && room.presenceIds.set(id, presenceId) !== undefined
  }

  /** Its user stays present for another `graceMs` milliseconds; a return within that time is not announced. */
  exitPresence (channel: string, { id }: Pick<Member, 'id'>, graceMs: number): void {
    ignoreFailure(this.#adapter.presence.exit(channel, id, graceMs))
  }

  /**
   * What the ack of a member's join says of presence, in at most `limit` bytes. `data` are those of the member's user.
   * The rest of a longer list follows the ack, which the caller sends in the same event-loop turn.
   */
  presenceAckFor (channel: string, member: Member, data: unknown, limit: number): PresenceAck | undefined {
    return this.#rooms.get(channel)?.presence?.ackFor(member, data, limit)
  }

  #deliver (channel: string, encoded: EncodedMessage, whenSlow: WhenSlow, except: Except | undefined): void {
    this.#rooms.get(channel)?.deliver(encoded, whenSlow, except && this.#isExcepted(except))
  }

  #isExcepted (except: Except): (member: Member) => boolean {
    const rooms = (except.membersOf ?? []).flatMap((channel) => this.#rooms.get(channel)?.members ?? [])
    return (member) => isExcepted(except, rooms, member)
  }

  #exceptElsewhere (channel: string, except: Except | undefined): Except | undefined {
    const members = this.#rooms.get(channel)?.members
    return except && members ? exceptElsewhere(except, members, this.isDraining) : except
  }

  #createRoom (channel: string, options: RoomOptions): Room {
    const room = new Room(channel, options, { adapter: this.#adapter, clock: this.#clock, pacing: this.pacing })
    this.#rooms.set(channel, room)
    if (room.history) this.#positions.watch(channel, room.history)
    return room
  }
}

/** For calls that promise at most one delivery: the adapter counts and reports their failures. */
function ignoreFailure (call: Promise<void>): void {
  call.catch(() => {})
}
