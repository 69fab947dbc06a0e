import type { HistoryEntry, HistoryRead, Snapshot } from '../../cluster/history.ts'
import type { Position } from '../../protocol/position.ts'
import type { UnrecoverableReason } from '../../protocol/recoverability.ts'

/** What the scripts return of one entry or snapshot. */
export type Reply = ReadonlyArray<Buffer>

/** The arguments of a position in a script. */
export function partsOf (position: Position | undefined): ReadonlyArray<string | number> {
  return position ? [position.epoch, position.offset, position.hash] : []
}

/** Of an entry. */
export function whenSlowOf (slow: string): 'skip' | undefined {
  return slow === 'skip' ? 'skip' : undefined
}

export function readOf ([epoch, offset, hash, reasonText, snapshotParts, entries]: unknown[]): HistoryRead {
  const reason = String(reasonText)
  const snapshot = snapshotOf(snapshotParts as Reply)
  return {
    position: positionOf([epoch, offset, hash] as Buffer[]),
    ...(reason !== '' && { reason: reason as UnrecoverableReason }),
    ...(snapshot && { snapshot }),
    entries: (entries as Reply[]).map(entryOf)
  }
}

export function positionOf ([epoch, offset, hash]: ReadonlyArray<Buffer | string>): Position {
  return { epoch: String(epoch), offset: Number(String(offset)), hash: String(hash) }
}

function snapshotOf ([offset, hash, state]: Reply): Snapshot | undefined {
  return offset && { offset: Number(String(offset)), hash: String(hash), state: String(state) }
}

export function entryOf ([offset, id, hash, prev, slow, encoded]: Reply): HistoryEntry {
  return {
    offset: Number(String(offset)),
    id: String(id),
    hash: String(hash),
    prev: String(prev),
    whenSlow: whenSlowOf(String(slow)),
    encoded: encoded as Buffer
  }
}
