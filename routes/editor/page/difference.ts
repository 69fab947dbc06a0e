import { ChangeSet, Text } from '@codemirror/state'

/** The difference of two texts as one replacement between their common start and their common end. */
export function difference (from: Text, to: Text): ChangeSet {
  const [a, b] = [from.toString(), to.toString()]
  const start = wholePairs(a, commonStart(a, b))
  const end = commonEnd(a.slice(start), b.slice(start))
  if (start + end === a.length && a.length === b.length) return ChangeSet.empty(a.length)
  const insert = Text.of(b.slice(start, b.length - end).split('\n'))
  return ChangeSet.of({ from: start, to: a.length - end, insert }, a.length)
}

function commonStart (a: string, b: string): number {
  let i = 0
  while (i < a.length && i < b.length && a[i] === b[i]) i++
  return i
}

function commonEnd (a: string, b: string): number {
  let i = 0
  while (i < a.length && i < b.length && a.at(-1 - i) === b.at(-1 - i)) i++
  // Keeps a surrogate pair whole when two pairs share their second half.
  return i > 0 && isLow(a, a.length - i) ? i - 1 : i
}

/** Keeps a surrogate pair whole when two pairs share their first half. */
function wholePairs (text: string, at: number): number {
  return isLow(text, at) ? at - 1 : at
}

function isLow (text: string, at: number): boolean {
  return /[\udc00-\udfff]/.test(text.charAt(at))
}
