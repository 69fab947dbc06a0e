import type { Connection } from '../transport/connection.ts'
import type { Call } from './call.ts'
import { encodeMessage } from './encode-message.ts'
import { randomId, type IdempotentChannel, type Outgoing, type Route } from './outgoing.ts'

/** The messages that are not answered, by correlation id, in the order of the calls. */
export class OutgoingMessages extends Map<string, Outgoing> {
  #lastId = 0

  /** Makes what `set` adds. @throws {RequestError} `invalid_payload` */
  newOutgoing (call: Call, route: Route, channel?: IdempotentChannel): Outgoing {
    const id = channel ? randomId() : String(++this.#lastId)
    // Encoded once, because a payload that the caller changes later would be another message under the same id.
    const encoded = encodeMessage({ ...call.message, correlationId: id })
    return { id, call, encoded, channel, route, sentOn: undefined, wasSent: false, wasDelayed: false }
  }

  /** The idempotent messages that wait for a channel; without one, the other messages that wait. */
  waitingFor (channel: IdempotentChannel | undefined): readonly Outgoing[] {
    return this.sentOn(undefined).filter((outgoing) => outgoing.channel === channel)
  }

  /** The messages whose reply is awaited on a connection; without one, those that wait to be sent. */
  sentOn (connection: Connection | undefined): readonly Outgoing[] {
    for (const [id, { call }] of this) if (call.isSettled) this.delete(id)
    return [...this.values()].filter(({ sentOn }) => sentOn === connection)
  }

  /** Whether the server has still to answer a leave of the channel. */
  isLeaving (address: string): boolean {
    return [...this.values()].some(({ call: { message: m } }) => m.type === 'leave' && m.channel === address)
  }
}
