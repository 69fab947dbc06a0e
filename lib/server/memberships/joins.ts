import { AdapterUnavailable } from '../../cluster/adapter.ts'
import type { Connection } from '../../connection/connection.ts'
import { refusal } from '../../protocol/errors.ts'
import type { Position } from '../../protocol/position.ts'
import { userOf, type Member } from '../../rooms/member.ts'
import type { Rooms } from '../../rooms/rooms.ts'
import { ChannelHandlerContext } from '../messages/handler-context.ts'
import type { Router } from '../router.ts'
import { asksAgain, positionIn } from './join-payload.ts'
import { JoinReplies, type JoinReply } from './join-replies.ts'
import { Membership } from './membership.ts'
import type { Memberships } from './memberships.ts'

/** A join whose channel is reached, but whose connection is not a member yet. */
interface Admission {
  readonly membership: Membership
  /** The client's position, when it returns. */
  readonly since: Position | undefined
  readonly presenceData: unknown
  /** `Memberships.reauthorizations` at the last time that `authorize` was asked. */
  readonly reauthorizations: number
}

/** Who asks for a join: the client, or the application. */
export interface JoinRequest {
  readonly address: string
  /** The name of the channel, where the application asks: the route of the connection may have another one there. */
  readonly channel?: string
  readonly payload?: unknown
  readonly isAdded: boolean
  /** Whether nobody waits for the join any more. */
  readonly isAborted: boolean
  /** Called in the same event-loop turn in which the connection becomes a member, and at most once. */
  reply (reply: JoinReply): void
}

/**
 * The joins of one connection, those of its client as well as those that the application asks for. Each takes the same
 * way:
 *
 *   prepare: find the contract -> authorize -> room open (subscription confirmed) -> present
 *   wait: authorize again, if the rights were checked again meanwhile; refuse, if the user was removed meanwhile; let
 *     a large ack of another join be written first
 *   admit (followed by the reply in the same event-loop turn), or cancel
 *
 * The receive queue of the connection runs one join of a channel at a time.
 */
export class Joins {
  readonly #connection: Connection
  readonly #router: Router
  readonly #rooms: Rooms
  readonly #memberships: Memberships
  readonly #replies: JoinReplies

  constructor (connection: Connection, router: Router, rooms: Rooms, memberships: Memberships) {
    this.#connection = connection
    this.#router = router
    this.#rooms = rooms
    this.#memberships = memberships
    this.#replies = new JoinReplies(connection, rooms)
  }

  /**
   * Resolves when the application's `joined` is done.
   *
   * @throws {MessageError} `unknown_channel`, `already_joined`, `invalid_payload`, `too_many_channels`, `forbidden`,
   *   `not_joined`, `unavailable`
   * @throws whatever `joined` throws, after the reply
   */
  async run (request: JoinRequest): Promise<void> {
    const { address, channel } = request
    const member = channel === undefined ? this.#memberships.get(address) : this.#memberships.of(channel)
    if (member) return this.#repeat(member, request)
    let admission = await this.#prepare(request)
    for (let wait = this.#wait(admission); wait; wait = this.#wait(admission)) admission = await wait
    if (request.isAborted) return this.#cancel(admission)
    // From the check of the rights to the reply, nothing may be awaited.
    request.reply(this.#admit(admission))
    await admission.membership.joined()
  }

  /**
   * Answers a member: one that asks for the history again, because a part of the client that joins later has no state
   * yet; or one that the application added, whose client may not know that.
   */
  async #repeat (member: Membership, request: JoinRequest): Promise<void> {
    const isAgain = asksAgain(request.payload)
    if (!isAgain && !member.isAdded) throw refusal('already_joined')
    const since = isAgain ? undefined : positionIn(request.payload)
    const presenceData = isAgain ? undefined : await this.#enterAgain(member, since)
    while (this.#connection.whenRecoveryTaken) await this.#connection.whenRecoveryTaken
    // As for any join, a removal meanwhile is answered with `forbidden`.
    if (!this.#isMember(member)) throw refusal(isAgain ? 'not_joined' : 'forbidden')
    request.reply(isAgain ? this.#replies.again(member) : this.#replies.first(member, since, presenceData))
  }

  /** Resolves to the presence data of the member. Fails only while it is a member. */
  async #enterAgain (member: Membership, since: Position | undefined): Promise<unknown> {
    try {
      await this.#reach(member.channel, this.#rooms.catchUpWith(member.channel, since))
      return await member.renewPresence()
    } catch (error) {
      if (this.#isMember(member)) throw error
    }
  }

  #isMember (member: Membership): boolean {
    return this.#memberships.get(member.address) === member
  }

  /** The admission holds the room, presence and a reservation until it is admitted or cancelled. */
  async #prepare ({ address, channel: wanted, payload, isAdded }: JoinRequest): Promise<Admission> {
    const { served, params } = this.#router.require(address)
    const channel = served.compiled.nameOf(address)
    if (wanted !== undefined && wanted !== channel) throw refusal('unknown_channel')
    const context = new ChannelHandlerContext(this.#connection, served, channel, params, this.#rooms)
    const since = positionIn(payload)
    this.#connection.replaces ??= (Object(payload) as { readonly replaces?: string }).replaces
    const membership = new Membership(address, served, context, isAdded)
    this.#memberships.reserve(membership)
    try {
      return await this.#enter(membership, since)
    } catch (error) {
      this.#memberships.cancelReservation(membership)
      throw error
    }
  }

  /**
   * What a join has to wait for; undefined when it can be answered now. Its ack may be large, so it waits until that of
   * another join is being written. When the rights were checked again, `authorize` is asked again: where access is
   * denied, the admission is cancelled and the promise rejects with `forbidden`.
   */
  #wait (admission: Admission): Promise<Admission> | undefined {
    if (!this.#isCurrent(admission)) return this.#confirm(admission)
    return this.#connection.whenRecoveryTaken?.then(() => admission)
  }

  /** It is a member from here on: no message of the channel may precede the reply, and none may be missed after it. */
  #admit ({ membership, since, presenceData }: Admission): JoinReply {
    this.#memberships.cancelReservation(membership)
    this.#memberships.add(membership)
    return this.#replies.first(membership, since, presenceData)
  }

  #cancel ({ membership }: Admission): void {
    this.#memberships.cancelReservation(membership)
    this.#memberships.release(membership, 0)
  }

  #isCurrent ({ membership, reauthorizations }: Admission): boolean {
    return !membership.isRefused && reauthorizations === this.#memberships.reauthorizations
  }

  async #confirm (admission: Admission): Promise<Admission> {
    const { reauthorizations } = this.#memberships
    const { membership } = admission
    if (!membership.isRefused && await membership.isStillAllowed()) return { ...admission, reauthorizations }
    this.#cancel(admission)
    throw refusal('forbidden')
  }

  #presentAs ({ id }: Membership): Pick<Member, 'id' | 'userId'> {
    return { id, userId: userOf(this.#connection) }
  }

  async #enter (membership: Membership, since: Position | undefined): Promise<Admission> {
    const { reauthorizations } = this.#memberships
    if (!await membership.mayJoin()) throw refusal('forbidden')
    const presenceData = await membership.presenceData()
    try {
      await this.#reach(membership.channel, this.#openRoom(membership, since, presenceData))
      return { membership, since, presenceData, reauthorizations }
    } catch (error) {
      this.#memberships.release(membership, 0)
      throw error
    }
  }

  async #openRoom (membership: Membership, since: Position | undefined, presenceData: unknown): Promise<void> {
    const { channel, served: { compiled: { history, presence } } } = membership
    await this.#rooms.openRoom(channel, { initial: history?.initial, list: presence?.list })
    await this.#rooms.catchUpWith(channel, since)
    if (presence) await this.#rooms.enterPresence(channel, this.#presentAs(membership), presenceData)
  }

  /** @throws {MessageError} `unavailable` for any error. One that the status of the adapter does not tell is logged. */
  async #reach (channel: string, call: Promise<void>): Promise<void> {
    try {
      await call
    } catch (cause) {
      if (!(cause instanceof AdapterUnavailable)) {
        this.#connection.log.warn({ err: cause, channel }, 'a channel cannot be reached')
      }
      throw Object.assign(refusal('unavailable'), { cause })
    }
  }
}
