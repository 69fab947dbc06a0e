import t from 'tap'
import type { HistoryFollower } from '../../../lib/history/history-follower.ts'
import { ResyncEncoder } from '../../../lib/history/resync-encoder.ts'

t.test('resync: a follower that has not read its history yet has none', async (t) => {
  const follower = { position: undefined, resyncContent: () => undefined } as unknown as HistoryFollower
  t.equal(new ResyncEncoder('doc/1').encode(follower, 3, 'slow'), undefined)
})
