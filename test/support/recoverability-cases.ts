import type { Position } from '../../lib/protocol/position.ts'
import type { RecoveryFacts, UnrecoverableReason } from '../../lib/protocol/recoverability.ts'

/**
 * One history, one position of a client and the expected reason. Each implementation of a history runs the whole table:
 * it appends `appended` entries of `entryBytes` bytes each, keeps the newest `kept` entries, and recovers from `since`.
 */
export interface RecoverabilityCase {
  readonly title: string
  readonly appended: number
  readonly kept: number
  readonly entryBytes: number
  /** Only for an implementation with a cache: the number of newest entries in the cache. */
  readonly cached?: number
  readonly since: ClientPosition | undefined
  readonly reason: UnrecoverableReason | undefined
}

/**
 * `isSameEpoch`, `isSameHash`: whether the epoch and the hash are those that the history has, or had, at this offset.
 */
export interface ClientPosition {
  readonly offset: number
  readonly isSameEpoch: boolean
  readonly isSameHash: boolean
}

/** The bound of one recovery. */
export const recoveryBound = { entries: 1_000, bytes: 1_015_808 }

const at = (offset: number): ClientPosition => ({ offset, isSameEpoch: true, isSameHash: true })
const forked = (offset: number): ClientPosition => ({ offset, isSameEpoch: true, isSameHash: false })
const five = { appended: 5, kept: 5, entryBytes: 50 }
const trimmed = { appended: 5, kept: 2, entryBytes: 50 }
const long = { appended: 1_002, kept: 1_002, entryBytes: 50 }
const large = { appended: 6, kept: 6, entryBytes: recoveryBound.bytes / 4 }

export const recoverabilityCases: readonly RecoverabilityCase[] = [
  { title: 'no position', ...five, since: undefined, reason: 'fresh' },
  { title: 'another epoch', ...five, since: { ...at(3), isSameEpoch: false }, reason: 'epoch' },
  {
    title: 'another epoch and an offset after the newest',
    ...five,
    since: { ...at(9), isSameEpoch: false },
    reason: 'epoch'
  },
  { title: 'an offset after the newest', ...five, since: at(6), reason: 'future' },
  { title: 'the newest position', ...five, since: at(5), reason: undefined },
  { title: 'the newest offset with another hash', ...five, since: forked(5), reason: 'fork' },
  { title: 'the position before the newest', ...five, since: at(4), reason: undefined },
  { title: 'an older offset with another hash', ...five, since: forked(2), reason: 'fork' },
  { title: 'the start of the history', ...five, since: at(0), reason: undefined },
  { title: 'the start of the history with another hash', ...five, since: forked(0), reason: 'fork' },
  { title: 'an empty history at its start', appended: 0, kept: 0, entryBytes: 50, since: at(0), reason: undefined },
  { title: 'an empty history after its start', appended: 0, kept: 0, entryBytes: 50, since: at(1), reason: 'future' },
  { title: 'the entry before the oldest kept one', ...trimmed, since: at(3), reason: undefined },
  { title: 'the entry before the oldest kept one with another hash', ...trimmed, since: forked(3), reason: 'fork' },
  { title: 'an entry that was trimmed', ...trimmed, since: at(2), reason: 'trimmed' },
  { title: 'an entry that was trimmed with another hash', ...trimmed, since: forked(2), reason: 'trimmed' },
  { title: 'as many entries as one recovery may have', ...long, since: at(2), reason: undefined },
  { title: 'one entry more than a recovery may have', ...long, since: at(1), reason: 'limit' },
  { title: 'too many entries after another hash', ...long, since: forked(1), reason: 'fork' },
  { title: 'as many bytes as one recovery may have', ...large, since: at(2), reason: undefined },
  { title: 'more bytes than a recovery may have', ...large, since: at(1), reason: 'limit' },
  { title: 'an entry that the cache no longer has', ...five, cached: 2, since: at(1), reason: 'limit' },
  { title: 'the entry before the oldest cached one', ...five, cached: 2, since: at(3), reason: undefined }
]

const epoch = 'e1'
const hashAt = (offset: number) => offset === 0 ? '' : `h${offset}`

/** The facts of the case. The entries of its history have the hashes `h1`, `h2`, … */
export function factsOf ({ appended, kept, entryBytes, cached = kept, since }: RecoverabilityCase): RecoveryFacts {
  const offset = since?.offset ?? 0
  const missed = appended - offset
  return {
    newest: { epoch, offset: appended, hash: hashAt(appended) },
    hash: missed > 0 && missed <= cached ? hashAt(offset) : undefined,
    isCut: cached < kept,
    missed: { entries: missed, bytes: missed * entryBytes },
    bound: recoveryBound
  }
}

/** The position of the client in that history. */
export function positionOf ({ since }: RecoverabilityCase): Position | undefined {
  return since && {
    epoch: since.isSameEpoch ? epoch : 'other',
    offset: since.offset,
    hash: since.isSameHash ? hashAt(since.offset) : 'other'
  }
}
