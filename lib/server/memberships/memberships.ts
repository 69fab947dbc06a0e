import type { Connection } from '../../connection/connection.ts'
import { refusal } from '../../protocol/errors.ts'
import type { Rooms } from '../../rooms/rooms.ts'
import type { Membership } from './membership.ts'

/**
 * The channels that one connection is in. A membership ends in this order: no longer a member -> presence exited ->
 * room released -> left().
 */
export class Memberships {
  readonly #connection: Connection
  readonly #rooms: Rooms
  readonly #limit: number
  readonly #memberships = new Map<string, Membership>()
  readonly #joining = new Set<Membership>()
  #reauthorizations = 0

  /** @param limit how many channels the connection may be in */
  constructor (connection: Connection, rooms: Rooms, limit: number) {
    this.#connection = connection
    this.#rooms = rooms
    this.#limit = limit
  }

  /** How often the rights were to be checked again. A join that began before has to ask `authorize` again. */
  get reauthorizations (): number {
    return this.#reauthorizations
  }

  get (channel: string): Membership | undefined {
    return this.#memberships.get(channel)
  }

  /**
   * Counts a join under way towards the limit, so that many at once cannot exceed it together. Each call is followed by
   * one of `cancelReservation`.
   *
   * @throws {MessageError} `too_many_channels`
   */
  reserve (membership: Membership): void {
    if (this.#memberships.size + this.#joining.size >= this.#limit) throw refusal('too_many_channels')
    this.#joining.add(membership)
  }

  cancelReservation (membership: Membership): void {
    this.#joining.delete(membership)
  }

  /** Refuses the joins of a channel that are under way; false when there are none. */
  refuseJoins (channel: string): boolean {
    const joining = [...this.#joining].filter((membership) => membership.channel === channel)
    for (const membership of joining) membership.isRefused = true
    return joining.length > 0
  }

  /**
   * Asks `authorize` again for every channel. Calls `forbid` for each in which the connection is no longer allowed, as
   * soon as that is known. `limit` bounds the time that an answer takes.
   */
  async checkRights (
    limit: (answer: Promise<boolean>) => Promise<boolean>, forbid: (channel: string) => void
  ): Promise<void> {
    await Promise.all([...this.#memberships.values()].map(async (membership) => {
      const isAllowed = await membership.isStillAllowed(limit(membership.isAllowed()))
      // Meanwhile the connection may have left, and joined again.
      const isMember = this.#memberships.get(membership.channel) === membership
      if (!isAllowed && isMember) forbid(membership.channel)
    }))
  }

  /** The joins under way have to ask `authorize` again. */
  requireReauthorization (): void {
    this.#reauthorizations++
  }

  /** Makes the connection a member. From here on it receives the messages of the channel. */
  add (membership: Membership): void {
    const { channel } = membership
    this.#memberships.set(channel, membership)
    this.#connection.channels.add(channel)
    this.#rooms.addMember(channel, this.#connection, membership.id)
  }

  /**
   * Ends a membership, and returns it; undefined when there was none.
   *
   * @param graceMs how long presence waits for the user to return, in milliseconds
   */
  leave (channel: string, graceMs = 0): Membership | undefined {
    const membership = this.#memberships.get(channel)
    if (!membership) return undefined
    this.#memberships.delete(channel)
    this.#connection.channels.delete(channel)
    this.#rooms.deleteMember(channel, this.#connection)
    this.release(membership, graceMs)
    return membership
  }

  leaveAll (graceMs: number): Membership[] {
    return [...this.#memberships.keys()].map((channel) => this.leave(channel, graceMs) as Membership)
  }

  /** Gives up what a membership, or a join under way, holds of its channel: presence and the room. */
  release ({ id, channel, served }: Membership, graceMs: number): void {
    if (served.compiled.presence) this.#rooms.exitPresence(channel, { id }, graceMs)
    this.#rooms.releaseRoom(channel)
  }
}
