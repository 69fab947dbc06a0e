import type { ChannelHandlerContext } from './handler-context.ts'
import type { LeaveReason } from '../implement.ts'
import type { ServedChannel } from '../router.ts'

/** One connection's membership of one channel, and the application's functions that concern it. */
export class Membership {
  readonly channel: string
  readonly served: ServedChannel
  readonly context: ChannelHandlerContext

  constructor (channel: string, served: ServedChannel, context: ChannelHandlerContext) {
    this.channel = channel
    this.served = served
    this.context = context
  }

  /** Asks `authorize`. Rejects when that fails. */
  async isAllowed (): Promise<boolean> {
    const { authorize } = this.served.implementation
    return authorize === undefined || await authorize(this.context) === true
  }

  /** Asks `authorize` again: if it fails, access is denied. */
  async isStillAllowed (): Promise<boolean> {
    try {
      return await this.isAllowed()
    } catch (err) {
      this.context.log.error({ err }, 'authorize() failed')
      return false
    }
  }

  /** The user's presence data, projected to its schema; undefined for a channel without presence. */
  async presenceData (): Promise<unknown> {
    const { compiled, implementation } = this.served
    return compiled.presence?.(await implementation.presence?.(this.context))
  }

  async joined (): Promise<void> {
    await this.served.implementation.joined?.(this.context)
  }

  async left (reason: LeaveReason): Promise<void> {
    await this.served.implementation.left?.(this.context, reason)
  }
}
