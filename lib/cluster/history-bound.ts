import type { EncodedMessage } from '../protocol/encoding.ts'
import { maxHistoryPageEntries, maxRecoveryBytes } from '../protocol/envelope.ts'

/** What a recovery has besides its entries and its snapshot: an envelope, a position, and the commas of the list. */
const recoveryEnvelopeBytes = 32_768

/**
 * How much of a history is read at once, kept by a node for recovery, and sent to a returning client, so that the whole
 * message stays below `maxRecoveryBytes`. 1,000 entries take Redis about 10 ms.
 */
export const historyBound = { entries: 1_000, bytes: maxRecoveryBytes - recoveryEnvelopeBytes } as const

/** How much of a history one page of older messages has. A single larger message is a page of its own. */
export const historyPageBound = { entries: maxHistoryPageEntries, bytes: 262_144 } as const

/** The largest message, without its position, and the largest snapshot: what a recovery has room for. */
export const maxStoredBytes = historyBound.bytes - 1_024

/**
 * A snapshot retains all entries after it, so a history may exceed its limit up to this multiple. Beyond that it is
 * full until a new snapshot is appended. It is also full when snapshot and entries would exceed `historyBound`.
 */
export const snapshotStretch = 4

/** No adapter makes longer hashes. */
const longestHash = 'x'.repeat(16)

/** The size of an entry in a recovery: with its position, whose numbers are unknown before the append, and a comma. */
export function recoveredBytes ({ id, encoded }: { readonly id: string, readonly encoded: EncodedMessage }): number {
  const longest = { offset: Number.MAX_SAFE_INTEGER, id, hash: longestHash, prev: longestHash }
  return encoded.length + Buffer.byteLength(JSON.stringify(longest))
}

interface Sized {
  readonly encoded: { readonly length: number }
}

/** The newest entries within the bound, in order. */
export function takeWithinBound<E extends Sized> (
  entries: readonly E[], bound: { readonly entries: number, readonly bytes: number } = historyBound
): readonly E[] {
  let bytes = 0
  let first = entries.length
  while (first > 0 && entries.length - first < bound.entries) {
    bytes += (entries[first - 1] as E).encoded.length
    if (bytes > bound.bytes) break
    first--
  }
  return entries.slice(first)
}
