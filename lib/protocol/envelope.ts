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
 * A message that recovers a history, the ack of a join or a `resync`, is smaller than this: the default maximum of
 * clients such as the `websockets` package of Python. A client on a line of 1 Mbit/s receives it in about 8 s.
 */
export const maxRecoveryBytes = 1_048_576

/**
 * Nesting allowed in one message. 64 KB of brackets nested 32,000 deep parse, but break `JSON.stringify` and every
 * recursive validator with a stack overflow.
 */
export const maxDepth = 64

/** Half of a surrogate pair. JSON parsers of other languages refuse it, and the whole message with it (RFC 7493). */
const loneSurrogate = /\p{Surrogate}/u

/** What an error says about such a string. */
export const notWellFormed = 'Expected well-formed text, without half of a surrogate pair'

export function isWellFormed (text: string): boolean {
  return !loneSurrogate.test(text)
}

/** The JSON pointer of the first string that is not well-formed; that of the object where it is a name in it. */
export function malformedPath (value: unknown): string | undefined {
  if (typeof value === 'string') return isWellFormed(value) ? undefined : ''
  if (typeof value !== 'object' || value === null) return undefined
  for (const [name, item] of Object.entries(value)) {
    if (!isWellFormed(name)) return ''
    const path = malformedPath(item)
    if (path !== undefined) return `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}${path}`
  }
}
