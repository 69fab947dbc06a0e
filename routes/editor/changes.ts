import { ChangeSet, type Text } from '@codemirror/state'

/** A `ChangeSet` as JSON: lengths to keep, and `[length to delete, …lines to insert]`, in UTF-16 code units. */
export type ChangesJson = ReadonlyArray<number | ReadonlyArray<number | string>>

/** The largest document in UTF-16 code units. Its snapshot fits into one connection's send queue. */
export const longestText = 100_000
/** The most that one edit may insert, in UTF-16 code units, line breaks included. */
export const longestInsert = 20_000
/** The largest number of parts of an edit. */
export const mostParts = 1_000

/**
 * Why an edit of a document of that length is refused; undefined when it is valid. Everything is checked before
 * `ChangeSet.fromJSON` runs, because that takes time quadratic in the parts and trusts its input.
 */
export function faultOf (changes: ChangesJson, length: number): string | undefined {
  if (changes.length > mostParts) return `more than ${mostParts} parts`
  const fault = changes.map(faultOfPart).find((fault) => fault !== undefined)
  if (fault !== undefined) return fault
  if (sum(changes.map(lengthOf)) !== length) return 'made for a document of another length'
  return sum(changes.map(insertedBy)) > longestInsert ? `more than ${longestInsert} characters at once` : undefined
}

/** Why a well-formed edit is refused for this text; undefined when it is allowed. */
export function harmTo (text: Text, changes: ChangeSet): string | undefined {
  if (changes.newLength > longestText && changes.newLength > text.length) {
    return `the document would be longer than ${longestText} characters`
  }
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
 * Transforms two concurrent edits of one text over each other. Where both insert at one position, the later edit's text
 * comes first.
 */
export function cross (
  earlier: ChangeSet, later: ChangeSet
): { readonly earlier: ChangeSet, readonly later: ChangeSet } {
  return { earlier: earlier.map(later), later: later.map(earlier, true) }
}
