import t from 'tap'
import type { HistoryEntry } from '../../../lib/cluster/history.ts'
import { HistoryCache } from '../../../lib/history/history-cache.ts'
import { withPosition } from '../../../lib/protocol/encoding.ts'
import {
  factsOf, positionOf, recoverabilityCases, type RecoverabilityCase
} from '../../support/recoverability-cases.ts'

const hashAt = (offset: number) => offset === 0 ? '' : `h${offset}`

/** An entry that has `bytes` bytes as members receive it. */
function entryOf (offset: number, bytes: number): HistoryEntry {
  const entry = { offset, id: 'i', hash: hashAt(offset), prev: hashAt(offset - 1), whenSlow: undefined }
  const headerBytes = withPosition(Buffer.from('{"p":""}'), entry).length
  return { ...entry, encoded: Buffer.from(`{"p":"${'x'.repeat(Math.max(0, bytes - headerBytes))}"}`) }
}

/** A cache that has received the kept entries of the case. */
function cacheOf ({ appended, kept, entryBytes }: RecoverabilityCase): HistoryCache {
  const start = { epoch: 'e1', offset: appended - kept, hash: hashAt(appended - kept) }
  const cache = new HistoryCache({ position: start, reason: 'fresh', entries: [] })
  for (let offset = start.offset + 1; offset <= appended; offset++) cache.append(entryOf(offset, entryBytes))
  return cache
}

t.test('history cache: each recoverability case gets the expected reason, or none', async (t) => {
  for (const recoverabilityCase of recoverabilityCases.filter(({ cached }) => cached === undefined)) {
    const { bound, missed, newest } = factsOf(recoverabilityCase)
    const { title, reason } = recoverabilityCase
    // The cache keeps no more than one recovery, so it cannot know the hash of an entry before that.
    const isBeyond = missed.entries > bound.entries && newest.offset > bound.entries
    const recovery = cacheOf(recoverabilityCase).recoveryAfter(positionOf(recoverabilityCase), 10)
    t.equal(recovery.reason, isBeyond ? 'limit' : reason, title)
  }
})

t.test('history cache: an entry older than the cache counts as appended before', async (t) => {
  const cache = new HistoryCache({ position: { epoch: 'e1', offset: 5, hash: 'h5' }, reason: 'fresh', entries: [] })
  t.ok(cache.contains('e1', entryOf(3, 0)), 'an entry before the cache counts as contained')
  t.notOk(cache.contains('e1', { ...entryOf(5, 0), hash: 'another' }), 'another hash is not contained')
  t.notOk(cache.contains('e2', entryOf(3, 0)), 'an entry of another epoch is not contained')
})
