import { ChangeSet } from '@codemirror/state'

/**
 * So much of what was written goes into one edit: a message holds 64 KiB, and JSON makes up to six bytes of a
 * character.
 */
const most = { changes: 400, inserted: 8_000 }

interface Piece { readonly from: number, readonly to: number, readonly insert: string }

/** The first part of `changes`, small enough to be sent, and what is left of them after it. */
export function portion (changes: ChangeSet): { readonly first: ChangeSet, readonly rest: ChangeSet } {
  const pieces = piecesOf(changes)
  let inserted = 0
  const count = pieces.findIndex(({ insert }, i) => i === most.changes || (inserted += insert.length) > most.inserted)
  if (count === -1) return { first: changes, rest: ChangeSet.empty(changes.newLength) }
  const first = ChangeSet.of(pieces.slice(0, count), changes.length)
  return { first, rest: ChangeSet.of(pieces.slice(count), changes.length).map(first) }
}

/** The changes one by one; a long text comes in several, none of which ends inside a surrogate pair. */
function piecesOf (changes: ChangeSet): Piece[] {
  const pieces: Piece[] = []
  changes.iterChanges((from, to, _fromB, _toB, text) => {
    const [insert = '', ...others] = text.toString().match(/[^]{1,4000}/gu) ?? []
    pieces.push({ from, to, insert }, ...others.map((insert) => ({ from: to, to, insert })))
  }, true)
  return pieces
}
