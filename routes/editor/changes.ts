import { ChangeSet, type Text } from '@codemirror/state'

/**
 * A `ChangeSet` as JSON: lengths that stay, and `[length that goes, …lines that come]`. Lengths are UTF-16 code units.
 */
export type ChangesJson = ReadonlyArray<number | ReadonlyArray<number | string>>

/**
 * The largest document, in UTF-16 code units: a snapshot of it still fits well into what may wait for one connection.
 */
export const longestText = 100_000
/** How much one edit may insert, in UTF-16 code units, line breaks included. */
export const longestInsert = 20_000
/** How many parts an edit may have. */
export const mostParts = 1_000

/**
 * What is wrong with an edit of a document of that length; undefined when nothing is. Nothing is built before it is
 * checked: `ChangeSet.fromJSON` takes time that grows with the square of the parts, and believes whatever it is told.
 */
export function faultOf (changes: ChangesJson, length: number): string | undefined {
  if (changes.length > mostParts) return `more than ${mostParts} parts`
  const fault = changes.map(faultOfPart).find((fault) => fault !== undefined)
  if (fault !== undefined) return fault
  if (sum(changes.map(lengthOf)) !== length) return 'made for a document of another length'
  return sum(changes.map(insertedBy)) > longestInsert ? `more than ${longestInsert} characters at once` : undefined
}

/** What an edit that is sound by itself would do to a text that it must not; undefined when it would do no harm. */
export function harmTo (text: Text, changes: ChangeSet): string | undefined {
  if (changes.newLength > longestText && changes.newLength > text.length) return `the document would be longer than ${longestText} characters`
  let splits = false
  changes.iterChangedRanges((from, to) => { splits ||= isInsidePair(text, from) || isInsidePair(text, to) })
  return splits ? 'half of a surrogate pair' : undefined
}

function faultOfPart (part: ChangesJson[number]): string | undefined {
  const [length, ...lines] = typeof part === 'number' ? [part] : part
  if (!Number.isSafeInteger(length) || length as number < 0) return 'a length that is none'
  if (lines.some((line) => typeof line !== 'string')) return 'a line that is none'
  if (lines.some((line) => /[\r\n]/.test(line as string))) return 'a line break inside a line'
  return lines.some((line) => /\p{Surrogate}/u.test(line as string)) ? 'half of a surrogate pair' : undefined
}

function lengthOf (part: ChangesJson[number]): number {
  return typeof part === 'number' ? part : part[0] as number
}

function insertedBy (part: ChangesJson[number]): number {
  return typeof part === 'number' ? 0 : part.slice(1).join('\n').length
}

function isInsidePair (text: Text, at: number): boolean {
  return /^[\ud800-\udbff][\udc00-\udfff]$/.test(text.sliceString(Math.max(0, at - 1), Math.min(text.length, at + 1)))
}

function sum (numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0)
}

/**
 * Two edits of one text, each made into what it means after the other. Where both insert at one place, what came later
 * goes left.
 */
export function cross (
  earlier: ChangeSet, later: ChangeSet
): { readonly earlier: ChangeSet, readonly later: ChangeSet } {
  return { earlier: earlier.map(later), later: later.map(earlier, true) }
}
