import type { EncodedMessage } from '../protocol/encoding.ts'
import type { Position } from '../protocol/position.ts'
import type { ResyncReason } from '../protocol/recoverability.ts'
import type { HistoryFollower } from './history-follower.ts'
import { encodeResync } from './recovery.ts'

/**
 * Encodes the `resync` messages of one channel. All members that start again at one position share the bytes, which may
 * be 1 MiB. They are not kept beyond that: as soon as no connection needs them, they can be collected.
 */
export class ResyncEncoder {
  readonly #channel: string
  #position: Position | undefined
  #reason: ResyncReason | undefined
  #encoded: WeakRef<EncodedMessage> | undefined

  constructor (channel: string) {
    this.#channel = channel
  }

  /** Undefined before the follower's first read. */
  encode (follower: HistoryFollower, initial: number, reason: ResyncReason): EncodedMessage | undefined {
    const isSame = this.#position === follower.position && this.#reason === reason
    return (isSame ? this.#encoded?.deref() : undefined) ?? this.#encode(follower, initial, reason)
  }

  #encode (follower: HistoryFollower, initial: number, reason: ResyncReason): EncodedMessage | undefined {
    const content = follower.resyncContent(initial)
    if (!content) return undefined
    const encoded = encodeResync(this.#channel, content, reason)
    this.#position = content.position
    this.#reason = reason
    this.#encoded = new WeakRef(encoded)
    return encoded
  }
}
