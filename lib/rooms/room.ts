import type { Adapter } from '../cluster/adapter.ts'
import type { Clock } from '../clock.ts'
import type { EncodedEntry } from '../history/history-cache.ts'
import { HistoryFollower } from '../history/history-follower.ts'
import { ResyncEncoder } from '../history/resync-encoder.ts'
import type { EncodedMessage } from '../protocol/encoding.ts'
import { addressIn } from '../protocol/envelope.ts'
import type { PresenceListKind } from '../protocol/control-messages.ts'
import type { ResyncReason } from '../protocol/recoverability.ts'
import type { ResyncSource, WhenSlow } from '../protocol/when-slow.ts'
import type { Member } from './member.ts'
import type { Pacing } from './pacing.ts'
import { RoomPresence } from './presence/room-presence.ts'

/** What a channel's contract says about its rooms. */
export interface RoomOptions {
  /** How many entries a new member receives; undefined for a channel without a history. */
  readonly initial?: number | undefined
  /** What members learn of presence. Default: nothing. */
  readonly list?: PresenceListKind | undefined
}

export interface RoomDeps {
  readonly adapter: Adapter
  readonly clock: Clock
  readonly pacing: Pacing
}

/**
 * The connections of this node that joined one channel, and this node's copies of the channel's history and presence.
 */
export class Room implements ResyncSource {
  readonly channel: string
  readonly members = new Map<string, Member>()
  /** The id under which presence counts each member. */
  readonly presenceIds = new Map<string, string>()
  /** Undefined for a channel whose members learn nothing of presence. */
  readonly presence: RoomPresence | undefined
  /** Undefined for a channel without a history. */
  readonly history: HistoryFollower | undefined
  /** How many entries a new member receives. */
  readonly initial: number
  /** Resolves when the room follows the other nodes; rejects when it cannot. */
  readonly ready: Promise<void>
  /** The number of joins and members that need the room. The room is closed when it drops to 0. */
  holds = 0
  readonly #adapter: Adapter
  readonly #pacing: Pacing
  readonly #resyncEncoder: ResyncEncoder

  constructor (channel: string, { initial, list = 'none' }: RoomOptions, { adapter, clock, pacing }: RoomDeps) {
    this.channel = channel
    this.#adapter = adapter
    this.#pacing = pacing
    this.#resyncEncoder = new ResyncEncoder(addressIn(channel))
    this.initial = initial ?? 0
    const { presence } = adapter
    const { members } = this
    this.presence = list === 'none' ? undefined : new RoomPresence({ channel, presence, clock, members, list })
    this.history = initial === undefined ? undefined : this.#follow(clock)
    this.ready = this.#connect()
  }

  deleteMember (member: Member): void {
    this.members.delete(member.id)
    this.presenceIds.delete(member.id)
    this.presence?.forgetMember(member)
  }

  close (): void {
    this.history?.close()
    this.presence?.close()
  }

  /** Sends the same bytes to every member, unless `isExcepted` says that it does not get them. */
  deliver (encoded: EncodedMessage, whenSlow?: WhenSlow, isExcepted?: (member: Member) => boolean): void {
    for (const member of this.members.values()) if (!isExcepted?.(member)) member.send(encoded, whenSlow)
    this.#pacing.count(this.members.size)
  }

  /** Sends entries of the history to every member. */
  deliverEntries (entries: readonly EncodedEntry[]): void {
    for (const member of this.members.values()) {
      for (const { encoded, whenSlow } of entries) member.send(encoded, whenSlow, this)
    }
  }

  /** Sends `resync` to every member. */
  resyncMembers (reason: ResyncReason): void {
    for (const member of this.members.values()) member.sendResync(this, reason)
  }

  resync (memberId: string, reason: ResyncReason): EncodedMessage | undefined {
    if (!this.history || !this.members.has(memberId)) return undefined
    return this.#resyncEncoder.encode(this.history, this.initial, reason)
  }

  /** Reads the history and the presence list again, because events may have been missed. */
  refresh (): void {
    this.history?.refresh()
    this.presence?.refresh()
  }

  #follow (clock: Clock): HistoryFollower {
    return new HistoryFollower({
      read: (since) => this.#adapter.history.read(this.channel, since),
      deliver: (entries) => this.deliverEntries(entries),
      resync: (reason) => this.resyncMembers(reason)
    }, clock)
  }

  async #connect (): Promise<void> {
    await this.#adapter.pubsub.subscribe(this.channel)
    if (this.history) await this.#openHistory(this.history)
    await this.presence?.load()
  }

  /** While the adapter is degraded, the room opens without its history; members get `resync` when it can be read. */
  async #openHistory (history: HistoryFollower): Promise<void> {
    try {
      await history.catchUp()
    } catch (error) {
      if (this.#adapter.status.state === 'up') throw error
      history.startWithoutHistory()
    }
  }
}
