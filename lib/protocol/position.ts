/**
 * A point in the history of a channel: after the entry with this offset. `epoch` identifies one life of the history and
 * changes when the history is lost. `hash` tells apart two entries with the same offset, one of which was lost.
 */
export interface Position {
  readonly epoch: string
  readonly offset: number
  readonly hash: string
}

/** The position of a persistent message in its history, as it is on the wire. */
export interface EntryPosition {
  readonly offset: number
  readonly id: string
  readonly hash: string
  readonly prev: string
}

/** The id of the entry that a message with this id appended as its n-th one, counted from 0. */
export function entryIdOf (messageId: string, n: number): string {
  return n === 0 ? messageId : `${messageId}:${n}`
}
