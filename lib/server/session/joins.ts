import { TypeCompiler } from '@sinclair/typebox/compiler'
import { AdapterUnavailable } from '../../cluster/adapter.ts'
import type { Connection } from '../../connection/connection.ts'
import { joinPayload } from '../../contract/wire-schemas.ts'
import { recoveryPayload, type RecoveryPayload } from '../../history/recovery.ts'
import type { JoinAck } from '../../protocol/control-messages.ts'
import { maxRecoveryBytes } from '../../protocol/envelope.ts'
import { refusal } from '../../protocol/errors.ts'
import type { Position } from '../../protocol/position.ts'
import { userOf, type Member } from '../../rooms/member.ts'
import type { Rooms } from '../../rooms/rooms.ts'
import type { Router } from '../router.ts'
import { ChannelHandlerContext } from '../messages/handler-context.ts'
import { Membership, type Memberships } from './memberships.ts'

/** A join whose channel is reached, but whose connection is not a member yet. */
export interface Admission {
  readonly membership: Membership
  /** The client's position, when it returns. */
  readonly since: Position | undefined
  readonly presenceData: unknown
  /** `Memberships.reauthorizations` at the last time that `authorize` was asked. */
  readonly reauthorizations: number
}

/** The payload of a join's ack: `json` holds members that are encoded already. */
export interface JoinReply {
  readonly payload: JoinAck
  readonly json: RecoveryPayload['json']
}

/**
 * The joins of one connection. Each takes the same way:
 *
 *   prepare: find the contract -> authorize -> room open (subscription confirmed) -> present
 *   wait: authorize again, if the rights were checked again meanwhile; refuse, if the user was removed meanwhile; let
 *     a large ack of another join be written first
 *   admit (followed by the ack in the same event-loop turn), or cancel
 */
export class Joins {
  readonly #connection: Connection
  readonly #router: Router
  readonly #rooms: Rooms
  readonly #memberships: Memberships

  constructor (connection: Connection, router: Router, rooms: Rooms, memberships: Memberships) {
    this.#connection = connection
    this.#router = router
    this.#rooms = rooms
    this.#memberships = memberships
  }

  /**
   * Prepares a join. The admission holds the room, presence and a reservation until it is admitted or cancelled.
   *
   * @throws {MessageError} `unknown_channel`, `already_joined`, `invalid_payload`, `too_many_channels`, `forbidden`,
   *   `unavailable`
   */
  async prepare (channel: string, payload: unknown): Promise<Admission> {
    const { served, params } = this.#router.require(channel)
    if (this.#memberships.get(channel)) throw refusal('already_joined')
    const context = new ChannelHandlerContext(this.#connection, served, channel, params, this.#rooms)
    const since = positionIn(payload)
    const membership = new Membership(channel, served, context)
    this.#memberships.reserve(membership)
    try {
      return await this.#reach(membership, since)
    } catch (error) {
      this.#memberships.cancelReservation(membership)
      throw error
    }
  }

  /** Whether a member asks for the history again, because a part of the client that joins later has no state yet. */
  isRepeated (channel: string, payload: unknown): boolean {
    const { again } = (payload ?? {}) as { again?: unknown }
    return again === true && this.#memberships.get(channel) !== undefined
  }

  /** The history for a member. @throws {MessageError} `not_joined` when the membership ended meanwhile */
  repeat (channel: string): JoinReply {
    const membership = this.#memberships.get(channel)
    if (!membership) throw refusal('not_joined')
    return this.#replyTo(membership, undefined)
  }

  /**
   * What a join has to wait for; undefined when it can be acked now. Its ack may be large, so it waits until that of
   * another join is being written. When the rights were checked again, `authorize` is asked again: where access is
   * denied, the admission is cancelled and the promise rejects with `forbidden`.
   *
   * @param admission undefined for a repeated join
   */
  wait (admission: Admission | undefined): Promise<Admission | undefined> | undefined {
    if (admission && !this.#isCurrent(admission)) return this.#confirm(admission)
    return this.#connection.whenRecoveryTaken?.then(() => admission)
  }

  /**
   * Makes the connection a member. The caller sends the reply before anything else happens: no message of the channel
   * may precede it, and none may be missed after it.
   */
  admit ({ membership, since, presenceData }: Admission): JoinReply {
    this.#memberships.cancelReservation(membership)
    this.#memberships.add(membership)
    const { payload, json } = this.#replyTo(membership, since)
    const limit = presenceLimit(payload, json)
    const presence = this.#rooms.presenceAckFor(membership.channel, this.#connection, presenceData, limit)
    return {
      payload: { ...payload, ...(presence?.isPartial && { presenceMore: true }) },
      json: { ...(presence && { presence: presence.json }), ...json }
    }
  }

  /** Gives an admission up. */
  cancel ({ membership }: Admission): void {
    this.#memberships.cancelReservation(membership)
    this.#memberships.release(membership, 0)
  }

  /** The reply without the presence. */
  #replyTo ({ channel, served: { idempotent } }: Membership, since: Position | undefined): JoinReply {
    const recovery = this.#rooms.recoveryAfter(channel, since)
    const { values, json } = recovery ? recoveryPayload(recovery) : { values: {}, json: {} }
    return { payload: { ...(idempotent.length > 0 && { idempotent }), ...values }, json }
  }

  #isCurrent ({ membership, reauthorizations }: Admission): boolean {
    return !membership.isRefused && reauthorizations === this.#memberships.reauthorizations
  }

  async #confirm (admission: Admission): Promise<Admission> {
    const { reauthorizations } = this.#memberships
    const { membership } = admission
    if (!membership.isRefused && await membership.isStillAllowed()) return { ...admission, reauthorizations }
    this.cancel(admission)
    throw refusal('forbidden')
  }

  #presentAs ({ id }: Membership): Pick<Member, 'id' | 'userId'> {
    return { id, userId: userOf(this.#connection) }
  }

  async #reach (membership: Membership, since: Position | undefined): Promise<Admission> {
    const { reauthorizations } = this.#memberships
    if (!await membership.mayJoin()) throw refusal('forbidden')
    const { channel, served: { compiled } } = membership
    const presenceData = await membership.presenceData()
    try {
      await this.#rooms.openRoom(channel, { initial: compiled.history?.initial, list: compiled.presence?.list })
      await this.#rooms.catchUpWith(channel, since)
      if (compiled.presence) await this.#rooms.enterPresence(channel, this.#presentAs(membership), presenceData)
      return { membership, since, presenceData, reauthorizations }
    } catch (cause) {
      this.#memberships.release(membership, 0)
      if (!(cause instanceof AdapterUnavailable)) {
        this.#connection.log.warn({ err: cause, channel }, 'a channel cannot be reached')
      }
      throw Object.assign(refusal('unavailable'), { cause })
    }
  }
}

/** The envelope of an ack without its payload, the names of the members, and the commas. */
const ackEnvelopeBytes = 4_096

/** The room for presence in an ack, in bytes, so that the whole message stays below `maxRecoveryBytes`. */
function presenceLimit (payload: JoinAck, json: RecoveryPayload['json']): number {
  const others = Object.values(json).reduce((bytes, { length }) => bytes + length, 0)
  return maxRecoveryBytes - ackEnvelopeBytes - others - Buffer.byteLength(JSON.stringify(payload))
}

const joinPayloadCheck = TypeCompiler.Compile(joinPayload)

/** The position in the payload of a join. @throws {MessageError} `invalid_payload` */
function positionIn (payload: unknown): Position | undefined {
  if (payload === undefined || payload === null) return undefined
  const issue = joinPayloadCheck.Errors(payload).First()
  if (issue) throw refusal('invalid_payload', { path: issue.path, message: issue.message })
  return (payload as { since?: Position }).since
}
