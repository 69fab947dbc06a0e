import { Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import type { Connection } from '../../connection/connection.ts'
import type { JoinAck } from '../../protocol/control-messages.ts'
import { refusal } from '../../protocol/errors.ts'
import { encodeEnvelope } from '../../protocol/encoding.ts'
import type { Position } from '../../protocol/position.ts'
import { recoveryPayload } from '../../history/recovery.ts'
import type { Rooms } from '../../rooms/rooms.ts'
import { ChannelHandlerContext } from './handler-context.ts'
import type { InboundMessage } from './inbound-message.ts'
import type { LeaveReason } from '../implement.ts'
import type { Router, ServedChannel } from '../router.ts'

/** Tells the connection that it is in; `json`: members of the ack that are JSON already. */
export type Admit = (payload: JoinAck, json: Readonly<Record<string, Buffer>>) => void

/** One connection's membership of one channel. */
export interface Membership {
  readonly channel: string
  readonly served: ServedChannel
  readonly context: ChannelHandlerContext
}

/**
 * The channels that one connection is in.
 *
 *   join: find the contract -> authorize -> room open (subscription confirmed) -> present -> still wanted?
 *         -> member, acked in the same turn -> joined()
 *   leave, removed or disconnected: member no more -> presence -> room released -> left()
 */
export class Memberships {
  readonly #connection: Connection
  readonly #router: Router
  readonly #rooms: Rooms
  readonly #limit: number
  #approaching = 0
  /** How often all rights were asked about anew. */
  #asked = 0
  readonly #memberships = new Map<string, Membership>()

  constructor (connection: Connection, router: Router, rooms: Rooms, limit: number) {
    this.#connection = connection
    this.#router = router
    this.#rooms = rooms
    this.#limit = limit
  }

  get (channel: string): Membership | undefined {
    return this.#memberships.get(channel)
  }

  /** @throws {MessageError} `unknown_channel`, `already_joined`, `forbidden`, `unavailable` */
  async join (channel: string, exchange: InboundMessage, admit: Admit): Promise<void> {
    const found = this.#router.find(channel)
    if (!found) throw refusal('unknown_channel')
    if (this.#memberships.has(channel)) throw refusal('already_joined')
    const context = new ChannelHandlerContext(this.#connection, found.served.compiled, channel, found.params, this.#rooms)
    const membership = { channel, served: found.served, context }
    const since = sinceOf(exchange.envelope.payload)
    await this.#takePlace(() => this.#enter(membership, since, exchange, admit))
    if (this.#memberships.has(channel)) await found.served.implementation.joined?.(context)
  }

  /** The channels in which the connection is no longer allowed, by what `authorize` says today. */
  async forbidden (): Promise<string[]> {
    this.#asked++
    const asked = [...this.#memberships.values()].map(async (membership) => ({ ...membership, allowed: await this.#isStillAllowed(membership) }))
    return (await Promise.all(asked)).filter(({ allowed }) => !allowed).map(({ channel }) => channel)
  }

  /** Ends a membership: undefined when there was none. `grace`: how long presence waits for the user to come back. */
  leave (channel: string, grace = 0): Membership | undefined {
    const membership = this.#memberships.get(channel)
    if (!membership) return undefined
    this.#memberships.delete(channel)
    this.#connection.channels.delete(channel)
    this.#rooms.deleteMember(channel, this.#connection)
    this.#withdraw(membership, grace)
    return membership
  }

  leaveAll (grace: number): Membership[] {
    return [...this.#memberships.keys()].map((channel) => this.leave(channel, grace) as Membership)
  }

  /** Tells the application of a membership that has ended. */
  async left ({ served, context }: Membership, reason: LeaveReason): Promise<void> {
    await served.implementation.left?.(context, reason)
  }

  /** Tells the connection that it was taken out of a channel. */
  notify (channel: string, code: string): void {
    this.#connection.send(encodeEnvelope({ type: 'left', channel, payload: { code } }))
  }

  /** Joins under way have a place already, or many at once would pass the limit together. */
  async #takePlace (enter: () => Promise<void>): Promise<void> {
    if (this.#memberships.size + this.#approaching >= this.#limit) throw refusal('too_many_channels')
    this.#approaching++
    try {
      await enter()
    } finally {
      this.#approaching--
    }
  }

  async #enter (membership: Membership, since: Position | undefined, exchange: InboundMessage, admit: Admit): Promise<void> {
    let asked = this.#asked
    if (!await this.#isAllowed(membership)) throw refusal('forbidden')
    const data = await this.#reach(membership, since)
    // Rights were asked about anew while we waited: what this join was told is out of date.
    while (asked !== this.#asked) {
      asked = this.#asked
      if (!await this.#isStillAllowed(membership)) return this.#turnAway(membership)
    }
    if (exchange.aborted) return this.#withdraw(membership, 0)
    this.#add(membership)
    this.#answer(membership, data, since, admit)
  }

  #turnAway (membership: Membership): never {
    this.#withdraw(membership, 0)
    throw refusal('forbidden')
  }

  /** Who cannot be asked about is not allowed. */
  async #isStillAllowed (membership: Membership): Promise<boolean> {
    try {
      return await this.#isAllowed(membership)
    } catch (err) {
      membership.context.log.error({ err }, 'authorize() failed')
      return false
    }
  }

  async #isAllowed ({ served, context }: Pick<Membership, 'served' | 'context'>): Promise<boolean> {
    const { authorize } = served.implementation
    return authorize === undefined || await authorize(context) === true
  }

  /** Resolves to what others see of the connection's user. */
  async #reach (membership: Membership, since: Position | undefined): Promise<unknown> {
    const { channel, served } = membership
    const data = await this.#presenceOf(membership)
    try {
      await this.#rooms.openRoom(channel, served.compiled.history?.initial)
      await this.#rooms.catchUpWith(channel, since)
      if (served.compiled.presence) await this.#rooms.enterPresence(channel, this.#connection, data)
      return data
    } catch (cause) {
      this.#withdraw(membership, 0)
      this.#connection.log.warn({ err: cause, channel }, 'a channel cannot be reached')
      throw refusal('unavailable')
    }
  }

  /** In one turn with the ack: nothing of the channel may precede it, and nothing may be missed after it. */
  #add (membership: Membership): void {
    const { channel } = membership
    this.#memberships.set(channel, membership)
    this.#connection.channels.add(channel)
    this.#rooms.addMember(channel, this.#connection)
  }

  #withdraw ({ channel, served }: Membership, grace: number): void {
    if (served.compiled.presence) this.#rooms.exitPresence(channel, this.#connection, grace)
    this.#rooms.releaseRoom(channel)
  }

  async #presenceOf ({ served, context }: Membership): Promise<unknown> {
    return served.compiled.presence?.(await served.implementation.presence?.(context))
  }

  #answer ({ channel, served: { compiled, idempotent } }: Membership, data: unknown, since: Position | undefined, admit: Admit): void {
    const replay = this.#rooms.recoveryAfter(channel, since)
    const { values, json } = replay ? recoveryPayload(replay) : { values: {}, json: {} }
    const { id, userId = id } = this.#connection
    const presence = compiled.presence && { presence: this.#rooms.presenceEntries(channel, { user: userId, data }) }
    admit({ ...presence, ...(idempotent.length > 0 && { idempotent }), ...values }, json)
  }
}

const join = TypeCompiler.Compile(Type.Optional(Type.Object({
  since: Type.Optional(Type.Object({ epoch: Type.String({ maxLength: 64 }), offset: Type.Integer({ minimum: 0 }), hash: Type.String({ maxLength: 64 }) }))
})))

/** @throws {MessageError} `invalid_payload` */
function sinceOf (payload: unknown): Position | undefined {
  if (payload === undefined || payload === null) return undefined
  const fault = join.Errors(payload).First()
  if (fault) throw refusal('invalid_payload', { path: fault.path, message: fault.message })
  return (payload as { since?: Position }).since
}
