/** The message types of the protocol itself. No contract may declare a message with one of these names. */
export const controlWords = [
  'join', 'leave', 'history', 'refresh', 'ping',
  'welcome', 'ack', 'error', 'joined', 'presence', 'resync', 'left', 'reconnect'
] as const

export type ControlWord = typeof controlWords[number]

/** What the server takes, so that a client can reject a message without sending it. */
export interface MessageLimits {
  /** The largest message, in bytes of UTF-8. */
  readonly messageBytes: number
  /** The longest address of a channel, in UTF-16 code units. */
  readonly channelLength: number
  /** Levels of nesting, those of the envelope included. */
  readonly depth: number
}

/** Payload of `welcome`, the first message after the upgrade. */
export interface Welcome {
  readonly connectionId: string
  readonly limits: MessageLimits
  /** The patterns of the channels that the route serves. */
  readonly patterns: readonly string[]
}

/** One user in a channel, on any number of connections. `data` matches the contract's `presence` schema. */
export interface PresenceEntry {
  readonly user: string
  readonly data: unknown
}

/** Payload of `presence`: the changes since the list in the ack of the join, or since the previous `presence`. */
export interface PresenceChange {
  readonly joined?: readonly PresenceEntry[]
  /** Users who were present already and whose data changed. */
  readonly updated?: readonly PresenceEntry[]
  readonly left?: readonly string[]
}

/** Payload of `presence`: a further page of the list in the ack of the join, which was too long for one message. */
export interface PresencePage {
  readonly present: readonly PresenceEntry[]
  /** Absent on the last page. */
  readonly more?: true
}

/** What the members of a channel learn of its presence: the users, their number, or nothing. */
export type PresenceListKind = 'all' | 'count' | 'none'

/** The presence where the contract says `list: 'count'`: in the ack of a join, and as the payload of `presence`. */
export interface PresenceCount {
  readonly count: number
}

/** Payload of the `ack` of a `join`, and of `joined`. Where the channel has a history, it is also a `Recovery`. */
export interface JoinAck {
  readonly presence?: readonly PresenceEntry[] | PresenceCount
  /** Present where `presence` is the first page of a longer list. The other ones follow as `PresencePage`. */
  readonly presenceMore?: true
  /** The message types that are declared `idempotent`. */
  readonly idempotent?: readonly string[]
}

/** The member of the query in which a client names the contracts that it was built with, by their fingerprint. */
export const contractParameter = 'channels-contract'

/** What fingerprints look like: 80 bits. */
export const fingerprintForm = /^[0-9a-v]{16}$/

export const subprotocol = 'fastify-channels.v1'

/** A token offered as a subprotocol has this prefix. The server never selects it as the subprotocol. */
export const bearerPrefix = 'bearer.'

/** The prefix of a token with characters that no subprotocol has. The base64url of its UTF-8 follows. */
export const bearer64Prefix = 'bearer64.'
