import type { EncodedMessage } from '../protocol/encoding.ts'
import type { ResyncReason } from '../protocol/recoverability.ts'
import type { PageSource, ResyncSource, WhenSlow } from '../protocol/when-slow.ts'

/** The part of a connection that a room uses. `send` neither waits nor throws. */
export interface Member {
  readonly id: string
  readonly userId: string | undefined
  /** The connection on another node that the same client had before, and may still have for a moment. */
  readonly replaces?: string | undefined
  send (encoded: EncodedMessage, whenSlow?: WhenSlow, source?: ResyncSource): void
  /** Sends the `resync` that `source` makes, as soon as nothing else is being written. */
  sendResync (source: ResyncSource, reason: ResyncReason): void
  /** Sends the pages that `source` makes, each as soon as nothing else is being written. */
  sendPages (source: PageSource): void
}

/** The user as whom a member is present: a connection without a user is a user of its own. */
export function userOf ({ id, userId = id }: Pick<Member, 'id' | 'userId'>): string {
  return userId
}
