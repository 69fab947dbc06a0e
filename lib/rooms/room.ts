import type { EncodedMessage } from '../protocol/encoding.ts'
import type { ResyncSource, WhenSlow } from '../protocol/when-slow.ts'
import type { ResyncReason } from '../protocol/recoverability.ts'
import type { HistoryFollower } from '../history/history-follower.ts'
import { CoalescedTask } from '../history/coalesced-task.ts'
import { PresenceReplica } from './presence-replica.ts'
import { encodeResync } from '../history/recovery.ts'
import type { EncodedEntry } from '../history/history-cache.ts'

/** All that a room knows of a connection. `send` neither waits nor throws. */
export interface Member {
  readonly id: string
  readonly userId: string | undefined
  send (frame: EncodedMessage, whenSlow?: WhenSlow, stream?: ResyncSource): void
}

export interface DeliverOptions {
  /** The member that does not get it. */
  readonly except?: string | undefined
  readonly whenSlow?: WhenSlow
}

/** How this node follows a channel's log, and what of it a client gets that joins for the first time. */
export interface RoomHistory {
  readonly follower: HistoryFollower
  readonly initial: number
}

/** The members that one channel has on this node. */
export class Room implements ResyncSource {
  readonly members = new Map<string, Member>()
  readonly presence = new PresenceReplica()
  readonly channel: string
  /** How many joins and members need the room; it exists as long as there is one. */
  holds = 0
  /** Whether a snapshot that knows nobody of those who were present is not believed yet. */
  heldBack: 'no' | 'yes' | 'long enough' = 'no'
  /** Undefined where the channel has no log. */
  history: RoomHistory | undefined
  /** Resolves once the room is connected to the other nodes. */
  ready: Promise<void> = Promise.resolve()

  /** Takes a new snapshot of who is present. */
  readonly refreshing: CoalescedTask

  constructor (channel: string, refreshPresence: () => Promise<void>) {
    this.channel = channel
    this.refreshing = new CoalescedTask(refreshPresence)
  }

  /** The same bytes to every member; never waits for one. */
  deliver (frame: EncodedMessage, { except, whenSlow }: DeliverOptions = {}): void {
    for (const member of this.members.values()) if (member.id !== except) member.send(frame, whenSlow)
  }

  /** The same for a message of the log. */
  deliverEntry ({ encoded: frame, whenSlow }: EncodedEntry): void {
    for (const member of this.members.values()) member.send(frame, whenSlow, this)
  }

  /** Every member begins anew. */
  resyncMembers (reason: ResyncReason): void {
    const bytes = this.#resyncFrame(reason)
    if (bytes) for (const member of this.members.values()) member.send(bytes, undefined, this)
  }

  resync (memberId: string): EncodedMessage | undefined {
    return this.members.has(memberId) ? this.#resyncFrame('slow') : undefined
  }

  #resyncFrame (reason: ResyncReason): EncodedMessage | undefined {
    const replay = this.history?.follower.resyncContent(this.history.initial)
    return replay && encodeResync(this.channel, replay, reason)
  }
}
