/** The JSON object in a text frame, in both directions. A message that belongs to the connection has no `channel`. */
export interface Envelope {
  readonly type: string
  readonly channel?: string | undefined
  readonly payload?: unknown
  readonly correlationId?: string | undefined
  /** From the server: the offset in the channel's history of the message, or of the newest entry that an ack covers. */
  readonly offset?: number | undefined
}

/** Maximum lengths in UTF-16 code units, as `String.length` counts them. */
export const maxTypeLength = 128
export const maxChannelLength = 256
export const maxCorrelationIdLength = 64

/**
 * Nesting allowed in one message. 64 KB of brackets nested 32,000 deep parse, but break `JSON.stringify` and every
 * recursive validator with a stack overflow.
 */
export const maxDepth = 64
