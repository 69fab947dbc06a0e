import type { Connection } from '../../connection/connection.ts'
import { recoveryPayload, type RecoveryPayload } from '../../history/recovery.ts'
import type { JoinAck } from '../../protocol/control-messages.ts'
import { maxRecoveryBytes } from '../../protocol/envelope.ts'
import type { Position } from '../../protocol/position.ts'
import type { Rooms } from '../../rooms/rooms.ts'
import type { Membership } from './membership.ts'

/** What a member learns of its channel, in an `ack` or in `joined`: `json` holds members that are encoded already. */
export interface JoinReply {
  readonly payload: JoinAck
  readonly json: RecoveryPayload['json']
}

/** Makes the replies to the joins of one connection. Each is sent in the event-loop turn in which it is made. */
export class JoinReplies {
  readonly #connection: Connection
  readonly #rooms: Rooms

  constructor (connection: Connection, rooms: Rooms) {
    this.#connection = connection
    this.#rooms = rooms
  }

  /** For a connection that has just become a member: the presence, and what it missed since its position. */
  first (membership: Membership, since: Position | undefined, presenceData: unknown): JoinReply {
    const reply = this.#history(membership, since)
    if (!membership.served.compiled.presence) return reply
    const { payload, json } = reply
    const limit = presenceLimit(payload, json)
    const presence = this.#rooms.presenceAckFor(membership.channel, this.#connection, presenceData, limit)
    return {
      payload: { ...payload, ...(presence?.isPartial && { presenceMore: true }) },
      json: { ...(presence && { presence: presence.json }), ...json }
    }
  }

  /** For a member that has the presence, and asks for the history. */
  again (membership: Membership): JoinReply {
    return this.#history(membership, undefined)
  }

  #history ({ channel, served: { idempotent } }: Membership, since: Position | undefined): JoinReply {
    const recovery = this.#rooms.recoveryAfter(channel, since)
    const { values, json } = recovery ? recoveryPayload(recovery) : { values: {}, json: {} }
    return { payload: { ...(idempotent.length > 0 && { idempotent }), ...values }, json }
  }
}

/** The envelope of an ack without its payload, the names of the members, and the commas. */
const ackEnvelopeBytes = 4_096

/** The room for presence in an ack, in bytes, so that the whole message stays below `maxRecoveryBytes`. */
function presenceLimit (payload: JoinAck, json: RecoveryPayload['json']): number {
  const others = Object.values(json).flat().reduce((bytes, { length }) => bytes + length, 0)
  return maxRecoveryBytes - ackEnvelopeBytes - others - Buffer.byteLength(JSON.stringify(payload))
}
