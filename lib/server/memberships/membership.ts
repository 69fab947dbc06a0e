import { logError } from '../../logger.ts'
import { isRefusal } from '../../protocol/errors.ts'
import type { LeaveReason } from '../implement.ts'
import type { ChannelHandlerContext } from '../messages/handler-context.ts'
import type { ServedChannel } from '../router.ts'

/** One connection's membership of one channel, and the application's functions that concern it. */
export class Membership {
  /** What the client calls the channel. */
  readonly address: string
  /** The name of the channel. */
  readonly channel: string
  readonly served: ServedChannel
  readonly context: ChannelHandlerContext
  /** Whether the application added the connection. Its client may not know that, and join. */
  readonly isAdded: boolean
  /** Whether `remove` came while the join was under way. */
  isRefused = false

  constructor (address: string, served: ServedChannel, context: ChannelHandlerContext, isAdded: boolean) {
    this.address = address
    this.channel = served.compiled.nameOf(address)
    this.served = served
    this.context = context
    this.isAdded = isAdded
  }

  /** Presence counts the membership under this id. */
  get id (): string {
    return this.context.presence.id
  }

  /** Asks `authorize`. Rejects when that fails. */
  async isAllowed (): Promise<boolean> {
    const { authorize } = this.served.implementation
    return authorize === undefined || await authorize(this.context) === true
  }

  /**
   * Asks `authorize` for a join. If it fails, access is denied, so that a client cannot tell a channel for which it
   * fails from one that is forbidden. Rejects with `unavailable`, after which clients try again.
   */
  async mayJoin (): Promise<boolean> {
    try {
      return await this.isAllowed()
    } catch (err) {
      if (isRefusal(err) && err.code === 'unavailable') throw err
      return this.#deny(err)
    }
  }

  /** Awaits an answer of `authorize` to a second question: if it fails, access is denied. */
  async isStillAllowed (answer = this.isAllowed()): Promise<boolean> {
    try {
      return await answer
    } catch (err) {
      return this.#deny(err)
    }
  }

  /** The user's presence data; undefined for a channel without presence. Rejects as `MemberPresence.check` throws. */
  async presenceData (): Promise<unknown> {
    return this.context.presence.check(await this.#presence())
  }

  /** Replaces the data of a member by new ones, and returns them. Rejects as `MemberPresence.update` does. */
  async renewPresence (): Promise<unknown> {
    if (!this.served.compiled.presence) return undefined
    return this.context.presence.update(await this.#presence())
  }

  async #presence (): Promise<unknown> {
    return this.served.implementation.presence?.(this.context)
  }

  #deny (err: unknown): false {
    logError(this.context.connection.log, { channel: this.channel }, err, 'authorize() failed')
    return false
  }

  async joined (): Promise<void> {
    await this.served.implementation.joined?.(this.context)
  }

  async left (reason: LeaveReason): Promise<void> {
    await this.served.implementation.left?.(this.context, reason)
  }
}
