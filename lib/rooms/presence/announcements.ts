import type { Clock } from '../../clock.ts'
import type { PresenceChange } from '../../protocol/control-messages.ts'
import type { Member } from '../member.ts'

export interface AnnouncementsDeps {
  /** Of the channel. */
  readonly address: string
  readonly clock: Clock
  readonly members: ReadonlyMap<string, Member>
  /** The users who are present now, with their data. */
  readonly current: () => ReadonlyMap<string, unknown>
}

/** What the ack of a join says of presence. */
export interface PresenceAck {
  readonly json: Buffer
  /** Whether it is the first page of a longer list. The other pages follow. */
  readonly isPartial: boolean
}

/** Sends the members of a room what changes in its presence. */
export interface Announcements {
  /** Takes over what is current now without announcing it. Call it before the room has members. */
  reset (): void
  /** Announces a change soon. */
  add (change: PresenceChange): void
  /** `data` are those of the member's user; `limit` is the room for presence in the ack, in bytes. */
  ackFor (member: Member, data: unknown, limit: number): PresenceAck
  /** The member left the room. */
  forget (member: Member): void
  close (): void
}
