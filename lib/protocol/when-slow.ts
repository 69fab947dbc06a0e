import type { EncodedMessage } from './encoding.ts'
import type { ResyncReason } from './recoverability.ts'

/**
 * The treatment of a message for a connection whose previous write is unfinished, or to which more than half of its
 * queue's limit is sent at once. Undefined: the message waits, and the connection is closed when its queue grows too
 * long. `drop`: the message is left out. `latest`: the message replaces a
 * waiting one with the same key. `skip`: all waiting messages of the channel's history are left out, and the connection
 * gets one `resync` when it reads again.
 */
export type WhenSlow = undefined | 'drop' | 'skip' | { readonly latest: string }

/** Makes the `resync` with which a member of one channel starts again. */
export interface ResyncSource {
  /** Undefined where the connection is no longer in the room. */
  resync (connection: string, reason: ResyncReason): EncodedMessage | undefined
}

/** Makes the pages of lists that are too long for one message, for each connection on its own. */
export interface PageSource {
  /** Undefined where nothing is left to be sent. */
  nextPage (connection: string): EncodedMessage | undefined
}
