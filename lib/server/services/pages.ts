import { checkOptions, InvalidArgument } from '../invalid-argument.ts'

/** Which part of a list is wanted. */
export interface PageOptions {
  /**
   * How many items at most, from 1 to 1,000.
   * @default 100
   */
  readonly limit?: number
  /**
   * The `cursor` of the page before.
   * @default the first page
   */
  readonly cursor?: string | undefined
}

/** Which part of a list a node is asked for: items in the order of their keys, and only those after `after`. */
export interface PageRequest {
  readonly limit: number
  readonly after: string
}

const defaultLimit = 100
const maxLimit = 1_000

/** @throws {InvalidArgument} for another option, a limit that is out of range, and a cursor that is no text */
export function pageRequest (options: PageOptions = {}): PageRequest {
  checkOptions('a page', options, ['limit', 'cursor'])
  const { limit = defaultLimit, cursor = '' } = options
  if (!Number.isInteger(limit) || limit < 1 || limit > maxLimit) {
    throw new InvalidArgument(`the limit of a page is invalid: pass a whole number from 1 to ${maxLimit}`)
  }
  if (typeof cursor !== 'string') {
    throw new InvalidArgument('the cursor of a page is invalid: pass that of the page before')
  }
  // One more tells whether there is a next page.
  return { limit: limit + 1, after: cursor }
}

/** What one node contributes to a page. */
export function firstOf<T> (items: Iterable<T>, keyOf: (item: T) => string, { limit, after }: PageRequest): T[] {
  return sorted([...items].filter((item) => keyOf(item) > after), keyOf).slice(0, limit)
}

/** The page that the items of all nodes make. */
export function pageOf<T> (
  items: readonly T[], keyOf: (item: T) => string, limit: number
): { readonly results: T[], readonly cursor?: string } {
  const results = sorted(items, keyOf).slice(0, limit - 1)
  const last = results.at(-1)
  return { results, ...(items.length >= limit && last !== undefined && { cursor: keyOf(last) }) }
}

function sorted<T> (items: readonly T[], keyOf: (item: T) => string): T[] {
  return [...items].sort((a, b) => keyOf(a) < keyOf(b) ? -1 : 1)
}
