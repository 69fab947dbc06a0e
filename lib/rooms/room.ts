import type { Frame, WhenSlow } from '../protocol/frame.ts'
import { PresenceReplica } from './presence.ts'

/** All that a room knows of a connection. `send` neither waits nor throws. */
export interface Member {
  readonly id: string
  readonly userId: string | undefined
  send (frame: Frame, whenSlow?: WhenSlow): void
}

export interface DeliverOptions {
  /** The member that does not get it. */
  readonly except?: string | undefined
  readonly whenSlow?: WhenSlow
}

/** The members that one channel has on this node. */
export class Room {
  readonly members = new Map<string, Member>()
  readonly presence = new PresenceReplica()
  /** How many joins and members need the room; it exists as long as there is one. */
  holds = 0
  /** Resolves once the room is connected to the other nodes. */
  readonly ready: Promise<void>

  constructor (connect: (room: Room) => Promise<void>) {
    this.ready = connect(this)
  }

  /** The same bytes to every member; never waits for one. */
  deliver (frame: Frame, { except, whenSlow }: DeliverOptions = {}): void {
    for (const member of this.members.values()) if (member.id !== except) member.send(frame, whenSlow)
  }
}
