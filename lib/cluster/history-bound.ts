/**
 * How much of a history is read at once, kept by a node for recovery, and sent to a returning client. 1 MiB is what a
 * client on a slow line (1 Mbit/s) receives in about 8 s; 1,000 entries take Redis about 10 ms.
 */
export const historyBound = { entries: 1_000, bytes: 1_048_576 } as const

/**
 * A snapshot retains all entries after it, so a history may exceed its limit up to this multiple. Beyond that it is
 * full until a new snapshot is appended.
 */
export const snapshotStretch = 4

interface Sized {
  readonly encoded: { readonly length: number }
}

/** The newest entries within `historyBound`, in order. */
export function takeWithinBound<E extends Sized> (entries: readonly E[]): readonly E[] {
  let bytes = 0
  let first = entries.length
  while (first > 0 && entries.length - first < historyBound.entries) {
    bytes += (entries[first - 1] as E).encoded.length
    if (bytes > historyBound.bytes) break
    first--
  }
  return entries.slice(first)
}
