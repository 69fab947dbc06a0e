import type { Adapter } from '../cluster/adapter.ts'
import type { AdapterEvents } from '../cluster/events.ts'
import type { Append, AppendOutcome, HistoryRead } from '../cluster/history.ts'
import type { PresenceList, PresenceVersion } from '../cluster/presence.ts'
import { clusterTimings } from '../cluster/timings.ts'
import type { Clock } from '../clock.ts'
import type { PresenceChange, PresenceEntry } from '../protocol/control-messages.ts'
import { encodeEnvelope, type EncodedMessage } from '../protocol/encoding.ts'
import type { Position } from '../protocol/position.ts'
import { HistoryFollower } from '../history/history-follower.ts'
import { PositionPoller } from '../history/position-poller.ts'
import { Room, type DeliverOptions, type Member } from './room.ts'
import type { RecoveryContent } from '../history/history-cache.ts'

/** Every room of this node, joined to those of the other nodes by the adapter. */
export class Rooms {
  readonly #adapter: Adapter
  readonly #clock: Clock
  readonly #rooms = new Map<string, Room>()
  readonly #positions: PositionPoller

  constructor (adapter: Adapter, clock: Clock) {
    this.#adapter = adapter
    this.#clock = clock
    this.#positions = new PositionPoller(adapter.history, clock)
  }

  /** What the adapter has to tell of rooms. */
  get adapterEvents (): Pick<AdapterEvents, 'message' | 'presenceChanged' | 'entryAppended' | 'gap'> {
    return {
      message: (channel, bytes, whenSlow) => this.#rooms.get(channel)?.deliver(bytes, { whenSlow }),
      presenceChanged: (channel, moment, change) => this.#presenceChanged(channel, moment, change),
      entryAppended: (channel, epoch, entry, snapshot) => this.#rooms.get(channel)?.history?.follower.receive(epoch, entry, snapshot),
      gap: () => { for (const room of this.#rooms.values()) this.#catchUp(room) }
    }
  }

  /** Rooms with a member, or with a join under way. */
  get size (): number {
    return this.#rooms.size
  }

  /**
   * Keeps the room of a channel, opening it when it is the first to ask. Every `open` is followed by one `release`, the
   * failed ones too. Rejects when the adapter cannot subscribe, or cannot read the log. `history`: how many messages of its log a new member
   * gets; undefined where the channel has none.
   */
  async openRoom (channel: string, history?: number): Promise<void> {
    const room = this.#rooms.get(channel) ?? this.#begin(channel, history)
    room.holds++
    await room.ready
  }

  releaseRoom (channel: string): void {
    const room = this.#rooms.get(channel) as Room
    if (--room.holds > 0) return
    this.#rooms.delete(channel)
    this.#close(room)
    this.#quietly(this.#adapter.pubsub.unsubscribe(channel))
  }

  addMember (channel: string, member: Member): void {
    this.#rooms.get(channel)?.members.set(member.id, member)
  }

  deleteMember (channel: string, member: Member): void {
    this.#rooms.get(channel)?.members.delete(member.id)
  }

  /**
   * Publishes a frame to the members elsewhere and hands it to those here. Neither waits for the other; elsewhere is first, since that costs those here one
   * write, and the other way round it is one for each member here.
   */
  broadcast (channel: string, bytes: EncodedMessage, options: DeliverOptions = {}): void {
    this.#quietly(this.#adapter.pubsub.publish(channel, bytes, options.whenSlow))
    this.#rooms.get(channel)?.deliver(bytes, options)
  }

  /** Appends to a channel's log; members everywhere get it from there, in its order. Rejects when that cannot be done, or nobody knows. */
  async append (channel: string, append: Append): Promise<AppendOutcome> {
    const appended = await this.#adapter.history.append(channel, append)
    if ('position' in appended) this.#rooms.get(channel)?.history?.follower.expectEntry(appended.position)
    return appended
  }

  /** What came after a position, else where to begin anew, from the log itself. */
  read (channel: string, since?: Position): Promise<HistoryRead> {
    return this.#adapter.history.read(channel, since)
  }

  /** Makes sure that this node has come as far as a client that was elsewhere. */
  async catchUpWith (channel: string, since: Position | undefined): Promise<void> {
    if (since) await this.#rooms.get(channel)?.history?.follower.catchUpWith(since)
  }

  /** What a member that joins in this turn is told of an open room's log; undefined where it has none. */
  recoveryAfter (channel: string, since: Position | undefined): RecoveryContent | undefined {
    const log = this.#rooms.get(channel)?.history
    return log?.follower.recoveryAfter(since, log.initial)
  }

  members (channel: string): Member[] {
    return [...this.#rooms.get(channel)?.members.values() ?? []]
  }

  /** Takes members out whose connection does not exist; returns how many there were. */
  removeMembers (isOrphan: (member: Member) => boolean): number {
    let removed = 0
    for (const [channel, { members }] of this.#rooms) {
      for (const member of [...members.values()].filter(isOrphan)) {
        removed++
        members.delete(member.id)
        this.exitPresence(channel, member, 0)
        this.releaseRoom(channel)
      }
    }
    return removed
  }

  /** Counts a member as present. Rejects when the adapter cannot. */
  async enterPresence (channel: string, member: Member, data: unknown): Promise<void> {
    await this.#adapter.presence.enter(channel, { connection: member.id, user: member.userId ?? member.id, data })
  }

  /** Its user stays present for `grace` milliseconds, and is not told to have left when back by then. */
  exitPresence (channel: string, member: Member, grace: number): void {
    this.#quietly(this.#adapter.presence.exit(channel, member.id, grace))
  }

  /** `own` is among them, though news of it may still be on its way here. */
  presenceEntries (channel: string, own?: PresenceEntry): PresenceEntry[] {
    const entries = this.#rooms.get(channel)?.presence.entries ?? []
    return own && !entries.some(({ user }) => user === own.user) ? [...entries, own] : entries
  }

  #begin (channel: string, initial: number | undefined): Room {
    const room: Room = new Room(channel, () => this.#refreshPresence(room))
    if (initial !== undefined) room.history = { initial, follower: this.#follow(room) }
    this.#rooms.set(channel, room)
    room.ready = this.#connect(room)
    return room
  }

  #follow (room: Room): HistoryFollower {
    const feed = new HistoryFollower({
      read: (since) => this.#adapter.history.read(room.channel, since),
      deliver: (logged) => room.deliverEntry(logged),
      resync: (reason) => room.resyncMembers(reason)
    }, this.#clock)
    this.#positions.watch(room.channel, feed)
    return feed
  }

  async #connect (room: Room): Promise<void> {
    await this.#adapter.pubsub.subscribe(room.channel)
    if (room.history) await this.#openLog(room.history.follower)
    room.presence.replace(await this.#adapter.presence.list(room.channel))
  }

  /** Takes a new snapshot, and tells members what it changes. One that fails is followed by another when the adapter tells of a gap. */
  async #refreshPresence (room: Room): Promise<void> {
    const list = await this.#adapter.presence.list(room.channel)
    if (this.#isTooEarly(room, list)) return
    room.heldBack = 'no'
    const change = room.presence.replace(list)
    if (change) room.deliver(encodeEnvelope({ type: 'presence', channel: room.channel, payload: change }))
  }

  async #openLog (feed: HistoryFollower): Promise<void> {
    try {
      await feed.catchUp()
    } catch (error) {
      if (this.#adapter.status.state === 'up') throw error
      feed.startWithoutHistory()
    }
  }

  /** After a loss of all that was known, every node first has to say again who is with it: until then nobody is told to have left. */
  #isTooEarly (room: Room, list: PresenceList): boolean {
    if (!room.presence.isLostIn(list) || room.heldBack === 'long enough') return false
    if (room.heldBack === 'no') this.#clock.setTimeout(() => this.#believe(room), clusterTimings.presenceHoldBackMs)
    room.heldBack = 'yes'
    return true
  }

  #believe (room: Room): void {
    room.heldBack = 'long enough'
    this.#quietly(room.refreshing.run())
  }

  #close ({ channel, history }: Room): void {
    history?.follower.close()
    this.#positions.unwatch(channel)
  }

  /** Messages may have been missed. */
  #catchUp (room: Room): void {
    room.history?.follower.refresh()
    this.#quietly(room.refreshing.run())
  }

  #presenceChanged (channel: string, moment: PresenceVersion, change: PresenceChange): void {
    const room = this.#rooms.get(channel)
    const applied = room?.presence.apply(moment, change)
    if (applied === 'new') room?.deliver(encodeEnvelope({ type: 'presence', channel, payload: change }))
    if (applied === 'hole') this.#quietly((room as Room).refreshing.run())
  }

  /** What is promised at most once may fail: the adapter counts and reports it. */
  #quietly (outcome: Promise<void>): void {
    outcome.catch(() => {})
  }
}
