import { ChangeSet } from '@codemirror/state'

/**
 * The largest part of a local edit that one message carries: a message holds 64 KiB, and JSON uses up to six bytes for
 * one character.
 */
const most = { changes: 400, inserted: 8_000 }

interface Piece { readonly from: number, readonly to: number, readonly insert: string }

/** Splits `changes` into a first part that fits into a message, and the rest. */
export function portion (changes: ChangeSet): { readonly first: ChangeSet, readonly rest: ChangeSet } {
  const pieces = piecesOf(changes)
  let inserted = 0
  const count = pieces.findIndex(({ insert }, i) => i === most.changes || (inserted += insert.length) > most.inserted)
  if (count === -1) return { first: changes, rest: ChangeSet.empty(changes.newLength) }
  const first = ChangeSet.of(pieces.slice(0, count), changes.length)
  return { first, rest: ChangeSet.of(pieces.slice(count), changes.length).map(first) }
}

/** The changes one by one. A long insertion is split, but never inside a surrogate pair. */
function piecesOf (changes: ChangeSet): Piece[] {
  const pieces: Piece[] = []
  changes.iterChanges((from, to, _fromB, _toB, text) => {
    const [insert = '', ...others] = text.toString().match(/[^]{1,4000}/gu) ?? []
    pieces.push({ from, to, insert }, ...others.map((insert) => ({ from: to, to, insert })))
  }, true)
  return pieces
}
