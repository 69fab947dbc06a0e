import type { Frame, Stream, WhenSlow } from '../protocol/frame.ts'
import type { ResyncReason } from '../protocol/log.ts'
import type { Feed } from './feed.ts'
import { OneAtATime } from './one-at-a-time.ts'
import { PresenceReplica } from './presence.ts'
import { resyncFrame } from './recovery.ts'
import type { LoggedFrame } from './tail.ts'

/** All that a room knows of a connection. `send` neither waits nor throws. */
export interface Member {
  readonly id: string
  readonly userId: string | undefined
  send (frame: Frame, whenSlow?: WhenSlow, stream?: Stream): void
}

export interface DeliverOptions {
  /** The member that does not get it. */
  readonly except?: string | undefined
  readonly whenSlow?: WhenSlow
}

/** How this node follows a channel's log, and what of it a client gets that joins for the first time. */
export interface RoomLog {
  readonly feed: Feed
  readonly history: number
}

/** The members that one channel has on this node. */
export class Room implements Stream {
  readonly members = new Map<string, Member>()
  readonly presence = new PresenceReplica()
  readonly channel: string
  /** How many joins and members need the room; it exists as long as there is one. */
  holds = 0
  /** Whether a snapshot that knows nobody of those who were present is not believed yet. */
  heldBack: 'no' | 'yes' | 'long enough' = 'no'
  /** Undefined where the channel has no log. */
  log: RoomLog | undefined
  /** Resolves once the room is connected to the other nodes. */
  ready: Promise<void> = Promise.resolve()

  /** Takes a new snapshot of who is present. */
  readonly refreshing: OneAtATime

  constructor (channel: string, refreshPresence: () => Promise<void>) {
    this.channel = channel
    this.refreshing = new OneAtATime(refreshPresence)
  }

  /** The same bytes to every member; never waits for one. */
  deliver (frame: Frame, { except, whenSlow }: DeliverOptions = {}): void {
    for (const member of this.members.values()) if (member.id !== except) member.send(frame, whenSlow)
  }

  /** The same for a message of the log. */
  deliverLogged ({ frame, whenSlow }: LoggedFrame): void {
    for (const member of this.members.values()) member.send(frame, whenSlow, this)
  }

  /** Every member begins anew. */
  restart (reason: ResyncReason): void {
    const bytes = this.#resyncFrame(reason)
    if (bytes) for (const member of this.members.values()) member.send(bytes, undefined, this)
  }

  resync (memberId: string): Frame | undefined {
    return this.members.has(memberId) ? this.#resyncFrame('slow') : undefined
  }

  #resyncFrame (reason: ResyncReason): Frame | undefined {
    const replay = this.log?.feed.anew(this.log.history)
    return replay && resyncFrame(this.channel, replay, reason)
  }
}
