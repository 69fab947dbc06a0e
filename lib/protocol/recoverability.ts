import type { Position } from './position.ts'

/**
 * Why the messages after a position cannot be recovered. `fresh`: no position was given. `epoch`: the history was lost
 * and began again. `future`: the position is after the newest entry. `fork`: another entry has that offset. `trimmed`:
 * the history no longer has all missed messages. `limit`: more messages were missed than are sent at once.
 */
export type UnrecoverableReason = 'fresh' | 'epoch' | 'future' | 'fork' | 'trimmed' | 'limit'

/**
 * Why a client must discard its state and start again. `slow`: it reads too slowly for a channel that skips messages.
 */
export type ResyncReason = UnrecoverableReason | 'slow'

/** What the holder of a history knows about the position that it was asked for. */
export interface RecoveryFacts {
  /** The position of the newest entry. */
  readonly newest: Position
  /**
   * The hash of the entry at the asked offset, which is the `prev` of the entry after it. Undefined where the holder
   * does not have that entry. Not used where the asked offset is the newest.
   */
  readonly hash: string | undefined
  /** Whether the holder dropped older entries because of its bound, although the history may still have them. */
  readonly isCut: boolean
  /** The number and total size of the entries after the asked offset. Not used where `hash` is undefined. */
  readonly missed: RecoveryBound
  /** How much is sent at once. */
  readonly bound: RecoveryBound
}

export interface RecoveryBound {
  readonly entries: number
  readonly bytes: number
}

/**
 * Undefined when the messages after `since` can be recovered, else the reason. The script of the Redis
 * adapter answers the same question in Lua; test/support/recoverability-cases.ts holds both to one table.
 */
export function unrecoverableReason (
  since: Position | undefined,
  facts: RecoveryFacts
): UnrecoverableReason | undefined {
  if (!since) return 'fresh'
  const { newest, isCut, missed, bound } = facts
  if (since.epoch !== newest.epoch) return 'epoch'
  if (since.offset > newest.offset) return 'future'
  const hash = since.offset === newest.offset ? newest.hash : facts.hash
  if (hash === undefined) return isCut ? 'limit' : 'trimmed'
  if (hash !== since.hash) return 'fork'
  if (since.offset === newest.offset) return undefined
  return missed.entries > bound.entries || missed.bytes > bound.bytes ? 'limit' : undefined
}
