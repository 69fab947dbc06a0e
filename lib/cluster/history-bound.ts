/** How much of a log is read at once, and sent to a client that comes back. */
export const historyBound = { entries: 1_000, bytes: 1_048_576 }

/** The newest entries within the bound, in order. */
export function takeWithinBound<E extends { readonly encoded: { readonly length: number } }> (entries: readonly E[]): readonly E[] {
  let bytes = 0
  let first = entries.length
  while (first > 0 && entries.length - first < historyBound.entries) {
    bytes += (entries[first - 1] as E).encoded.length
    if (bytes > historyBound.bytes) break
    first--
  }
  return entries.slice(first)
}
