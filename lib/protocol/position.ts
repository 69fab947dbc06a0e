/**
 * A point in the history of a channel: after the entry with this offset. `epoch` identifies one life of the history and
 * changes when the history is lost. `hash` tells apart two entries with the same offset, one of which was lost.
 */
export interface Position {
  readonly epoch: string
  readonly offset: number
  readonly hash: string
}
