/** The JSON object in a text frame, in both directions. A message that belongs to the connection has no `channel`. */
export interface Envelope {
  readonly type: string
  readonly channel?: string | undefined
  readonly payload?: unknown
  readonly correlationId?: string | undefined
  /** From the server: the offset in the channel's history of the message, or of the newest entry that an ack covers. */
  readonly offset?: number | undefined
  /** From the server: of an entry of the history, or of an ephemeral message to several connections. */
  readonly id?: string | undefined
}

/** Maximum lengths in UTF-16 code units, as `String.length` counts them. */
export const maxTypeLength = 128
export const maxChannelLength = 256
export const maxCorrelationIdLength = 64

/** Stands between the namespace and the address of a channel. No address has it, because a segment is never empty. */
const namespaceEnd = '//'

/**
 * The name under which rooms, adapters and services know a channel. Clients know it by its address, which may stand for
 * another channel on a route with another namespace.
 */
export function channelName (namespace: string | undefined, address: string): string {
  return namespace === undefined ? address : `${namespace}${namespaceEnd}${address}`
}

/** The address in the name of a channel. */
export function addressIn (channel: string): string {
  const end = channel.indexOf(namespaceEnd)
  return end < 0 ? channel : channel.slice(end + namespaceEnd.length)
}

/**
 * A message that recovers a history, the ack of a join or a `resync`, is smaller than this: the default maximum of
 * clients such as the `websockets` package of Python. A client on a line of 1 Mbit/s receives it in about 8 s.
 */
export const maxRecoveryBytes = 1_048_576

/**
 * The longest presence list in one message. Longer ones come in pages, so that the list and a history of the usual
 * size fit into the ack of a join.
 */
export const maxPresenceListBytes = 524_288

/** The largest presence data of one user, so that each page has room for an entry. */
export const maxPresenceDataBytes = maxPresenceListBytes / 2

/** How many entries one page of a history has at most. */
export const maxHistoryPageEntries = 100

/**
 * Nesting allowed in one message. 64 KB of brackets nested 32,000 deep parse, but break `JSON.stringify` and every
 * recursive validator with a stack overflow.
 */
export const maxDepth = 64

/** What an error says about such a string. */
export const notWellFormed = 'Expected well-formed text, without half of a surrogate pair'

/**
 * Whether no half of a surrogate pair stands alone in it. JSON parsers of other languages refuse such text, and the
 * whole message with it (RFC 7493).
 */
export function isWellFormed (text: string): boolean {
  return text.isWellFormed()
}

/** The JSON pointer of the first string that is not well-formed; that of the object where it is a name in it. */
export function malformedPath (value: unknown): string | undefined {
  // Every message that leaves takes this check: it costs a seventh of the search for the path.
  return isWellFormedValue(value) ? undefined : pathIn(value)
}

function pathIn (value: unknown): string {
  if (typeof value === 'string') return ''
  const entries = Object.entries(value as object) as Array<[string, unknown]>
  const malformed = entries.find(([name, item]) => !isWellFormed(name) || !isWellFormedValue(item))
  const [name, item] = malformed as [string, unknown]
  return isWellFormed(name) ? `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}${pathIn(item)}` : ''
}

function isWellFormedValue (value: unknown): boolean {
  if (typeof value === 'string') return isWellFormed(value)
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) return value.every(isWellFormedValue)
  for (const name in value) {
    if (!isWellFormed(name) || !isWellFormedValue((value as Record<string, unknown>)[name])) return false
  }
  return true
}
