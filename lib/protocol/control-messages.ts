/** The control words of the protocol: no contract may declare a message by one of these names. */
export const controlWords = [
  'join', 'leave', 'refresh', 'ping',
  'ack', 'error', 'presence', 'resync', 'left', 'reconnect'
] as const

export type ControlWord = typeof controlWords[number]

/** One user present in a channel, several connections counted once. `data` follows the contract's `presence` schema. */
export interface PresenceEntry {
  readonly user: string
  readonly data: unknown
}

/** Payload of `presence`: what changed since the snapshot in the join's ack, or since the previous `presence`. */
export interface PresenceChange {
  readonly joined?: readonly PresenceEntry[]
  /** Users who were present already and whose data is new. */
  readonly updated?: readonly PresenceEntry[]
  readonly left?: readonly string[]
}

/** Payload of the `ack` of a `join`; where the channel has a log, with a `Recovery`. */
export interface JoinAck {
  readonly presence?: readonly PresenceEntry[]
  /** The message types that are declared `once`. */
  readonly idempotent?: readonly string[]
}

/** Payload of `left`: the server took this connection out of the channel. */
export interface LeftPayload {
  readonly code: string
}

/** Payload of `reconnect`: the server asks for another connection to be made within `delay` milliseconds; each client takes a random part of it. */
export interface ReconnectPayload {
  readonly delay: number
}

export const subprotocol = 'fastify-channels.v1'

/** A token offered as a subprotocol has this prefix; it is never the subprotocol selected. */
export const bearerPrefix = 'bearer.'
