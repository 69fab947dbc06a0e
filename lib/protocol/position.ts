/**
 * A place in a channel's log: after the entry with this offset. `epoch` names the log, which changes when it is lost; `link` tells apart
 * two entries that were given the same offset, one of them lost.
 */
export interface Position {
  readonly epoch: string
  readonly offset: number
  readonly hash: string
}

/** Why a client does not simply go on from where it was. `slow`: it reads too slowly for a channel that skips. */
export type ResyncReason = 'fresh' | 'epoch' | 'future' | 'fork' | 'trimmed' | 'limit' | 'slow'

/** A state of the channel that holds after the message with this offset and link. */
export interface SentSnapshot {
  readonly offset: number
  readonly hash: string
  readonly state: unknown
}

/** The log's part in the ack of a join, and the payload of `resync`. `messages` are envelopes. */
export interface Recovery extends Position {
  readonly recovered: boolean
  readonly reason?: ResyncReason
  readonly snapshot?: SentSnapshot
  readonly messages: readonly unknown[]
}
