import t from 'tap'
import { clusterTimings, scaleTimings, type ClusterTimings } from '../../../lib/cluster/timings.ts'
import { historyBound, snapshotStretch, takeWithinBound } from '../../../lib/cluster/history-bound.ts'

/** Milliseconds for which a client repeats an idempotent message (`giveUpAfter` in lib/client). */
const clientGivesUpAfterMs = 90_000

/** What must hold between the timings, at any scale. */
const relations: ReadonlyArray<readonly [rule: string, holds: (timings: ClusterTimings, scale: number) => boolean]> = [
  ['a lease survives two lost renewals', (of) => of.leaseTtlMs >= 3 * of.leaseRenewalMs],
  ['a claim survives two lost renewals', (of) => 3 * of.claimRenewalMs <= of.claimTtlMs],
  ['presence keys survive three failed checks', (of) => 4 * of.presenceCheckIntervalMs <= of.presenceTtlMs],
  ['presence keys outlive the lease that they belong to', (of) => of.presenceTtlMs > of.leaseTtlMs],
  ['presence keys outlive every write that may still arrive', (of) => {
    return of.presenceTtlMs > of.leaseTtlMs + of.lateWriteToleranceMs
  }],
  ['an exit is remembered for as long as a late entry is accepted', (of) => {
    return of.exitMarkerTtlMs >= of.leaseTtlMs + of.lateWriteToleranceMs
  }],
  ['every node renews its lease while lost presence is held back', (of) => of.presenceHoldBackMs >= of.leaseRenewalMs],
  ['a reply is remembered for longer than a client repeats its message', (of, scale) => {
    return of.replyTtlMs > clientGivesUpAfterMs * scale
  }],
  ['an appended id is known for longer than a client repeats its message', (of, scale) => {
    return of.dedupeWindowMs > clientGivesUpAfterMs * scale
  }],
  ['an attempt that outlives its claim still finds its entries', (of) => of.dedupeWindowMs > of.claimTtlMs],
  ['a client repeats its message until a claim of a dead node has run out', (of, scale) => {
    return of.claimTtlMs < clientGivesUpAfterMs * scale
  }],
  ['a number of connections survives three statements that fail', (of) => {
    return 4 * of.quotaRestateMs <= of.quotaTtlMs && of.quotaRestateMs > of.leaseRenewalMs
  }],
  ['a number of connections outlives the lease that it belongs to', (of) => of.quotaTtlMs > of.leaseTtlMs],
  ['a refused connection waits no longer than for a dead node', (of) => {
    return of.quotaRetryMinMs <= of.quotaRetryMaxMs && of.quotaRetryMaxMs <= of.leaseTtlMs
  }],
  ['a repeated node request has twice as long for its answer', (of) => {
    return 3 * of.nodeRequestRepeatMs <= of.nodeRequestTimeoutMs
  }]
]

t.test('cluster timings: the relations hold in production and for shortened clocks', async (t) => {
  for (const scale of [1, 0.05, 0.02]) {
    const timings = scale === 1 ? clusterTimings : scaleTimings(scale)
    for (const [rule, holds] of relations) t.ok(holds(timings, scale), `${rule} (scale ${scale})`)
    t.ok(Object.values(timings).every((ms) => Number.isSafeInteger(ms) && ms > 0), 'whole milliseconds, above zero')
  }
})

t.test('cluster timings: the numbers that the documentation states', async (t) => {
  t.match(
    clusterTimings,
    {
      leaseTtlMs: 12_000,
      dedupeWindowMs: 120_000,
      replyTtlMs: 120_000,
      claimTtlMs: 2_000,
      exitMarkerTtlMs: 42_000,
      presenceCheckIntervalMs: 30_000
    }
  )
  t.strictSame([historyBound, snapshotStretch], [{ entries: 1_000, bytes: 1_015_808 }, 4])
})

t.test('history bound: the newest entries are taken, by count and by bytes', async (t) => {
  const entries = (count: number, length: number) => {
    return Array.from({ length: count }, (_, n) => ({ n, encoded: { length } }))
  }
  t.equal(takeWithinBound(entries(1_001, 1)).length, historyBound.entries, 'no more than the bound')
  t.equal(takeWithinBound(entries(1_001, 1))[0]?.n, 1, 'the oldest one is left out')
  t.equal(takeWithinBound(entries(5, historyBound.bytes / 2)).length, 2, 'exactly as many bytes as the bound')
  t.strictSame(takeWithinBound(entries(1, historyBound.bytes + 1)), [], 'none when the newest alone is larger')
})
