import type { Connection } from '../../connection/connection.ts'
import { addressIn } from '../../protocol/envelope.ts'
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
  /** By address. */
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

  get (address: string): Membership | undefined {
    return this.#memberships.get(address)
  }

  /** The membership of the channel with this name. */
  of (channel: string): Membership | undefined {
    const membership = this.#memberships.get(addressIn(channel))
    return membership?.channel === channel ? membership : undefined
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
      const isMember = this.#memberships.get(membership.address) === membership
      if (!isAllowed && isMember) forbid(membership.channel)
    }))
  }

  /** The joins under way have to ask `authorize` again. */
  requireReauthorization (): void {
    this.#reauthorizations++
  }

  /** Makes the connection a member. From here on it receives the messages of the channel. */
  add (membership: Membership): void {
    const { address, channel } = membership
    this.#memberships.set(address, membership)
    this.#connection.enterChannel(channel)
    this.#rooms.addMember(channel, this.#connection, membership.id)
  }

  /**
   * Ends a membership, and returns it; undefined when there was none.
   *
   * @param graceMs how long presence waits for the user to return, in milliseconds
   */
  leave (address: string, graceMs = 0): Membership | undefined {
    const membership = this.#memberships.get(address)
    if (!membership) return undefined
    const { channel } = membership
    this.#memberships.delete(address)
    this.#connection.leaveChannel(channel)
    this.#rooms.deleteMember(channel, this.#connection)
    this.release(membership, graceMs)
    return membership
  }

  /** The same for the channel with this name. */
  remove (channel: string): Membership | undefined {
    const membership = this.of(channel)
    return membership && this.leave(membership.address)
  }

  leaveAll (graceMs: number): Membership[] {
    return [...this.#memberships.keys()].map((address) => this.leave(address, graceMs) as Membership)
  }

  /** Gives up what a membership, or a join under way, holds of its channel: presence and the room. */
  release ({ id, channel, served }: Membership, graceMs: number): void {
    if (served.compiled.presence) this.#rooms.exitPresence(channel, { id }, graceMs)
    this.#rooms.releaseRoom(channel)
  }
}
