import type { Clock } from '../clock.ts'
import type { PresenceChange } from '../protocol/control-messages.ts'
import type { Member } from './member.ts'

export interface AnnouncementsDeps {
  readonly channel: string
  readonly clock: Clock
  readonly members: ReadonlyMap<string, Member>
  /** The users who are present now, with their data. */
  readonly current: () => ReadonlyMap<string, unknown>
}

/** Sends the members of a room what changes in its presence. */
export interface Announcements {
  /** Takes over what is current now without announcing it. Call it before the room has members. */
  reset (): void
  /** Announces a change soon. */
  add (change: PresenceChange): void
  /** What the ack of a member's join says of presence, as JSON. `data` are those of the member's user. */
  ackFor (member: Member, data: unknown): Buffer
  /** The member left the room. */
  forget (member: Member): void
  close (): void
}
