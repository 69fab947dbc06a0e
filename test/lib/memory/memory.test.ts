import t from 'tap'
import { MemoryAdapter, MemoryHub } from '../../../lib/memory/memory-adapter.ts'
import type { Timer } from '../../../lib/clock.ts'
import { FakeClock } from '../../../lib/testing/fake-clock.ts'
import { noEvents } from '../../support/conformance/adapter-history.ts'
import { recoverabilityCases } from '../../support/recoverability-cases.ts'

const minute = 60_000
const append = (id: string, ttl = minute) => ({ id, encoded: Buffer.from('{}'), whenSlow: undefined, limit: 10, ttl })

function alone () {
  const clock = new FakeClock(1)
  return { clock, adapter: new MemoryAdapter(new MemoryHub(clock)) }
}

t.test('memory adapter: the next append trims expired entries, and reads never do', async (t) => {
  const { clock, adapter } = alone()
  for (const id of ['1', '2']) await adapter.history.append('x', append(id))
  clock.advance(minute)
  t.equal((await adapter.history.read('x')).entries.length, 2)
  await adapter.history.append('x', append('3'))
  t.strictSame((await adapter.history.read('x')).entries.map(({ id }) => id), ['3'])
  t.equal((await adapter.history.read('x')).position.offset, 3, 'the offset continues after trimmed entries')
})

t.test('memory adapter: an appended id is a duplicate for 120 s', async (t) => {
  const { clock, adapter } = alone()
  await adapter.history.append('x', append('1'))
  clock.advance(2 * minute - 1)
  t.match(await adapter.history.append('x', append('1')), { outcome: 'duplicate' })
  clock.advance(1)
  t.match(await adapter.history.append('x', append('1')), { outcome: 'appended', position: { offset: 2 } })
  clock.advance(3 * minute)
  await adapter.history.append('y', append('2'))
})

t.test('memory adapter: a claim lasts 2 s, and its reply 120 s', async (t) => {
  const { clock, adapter } = alone()
  const [one, other] = [{ id: 'm', contentHash: 'h', owner: 'a' }, { id: 'm', contentHash: 'h', owner: 'b' }]
  await adapter.idempotency.claim('x', one)
  clock.advance(1_999)
  t.match(await adapter.idempotency.claim('x', other), { outcome: 'running' })
  clock.advance(1)
  t.match(await adapter.idempotency.claim('x', other), { outcome: 'claimed' })
  await adapter.idempotency.finish('x', other, '1', [])
  clock.advance(2 * minute - 1)
  t.match(await adapter.idempotency.claim('x', one), { outcome: 'done' })
  clock.advance(1)
  t.match(await adapter.idempotency.claim('x', one), { outcome: 'claimed' })
})

t.test('memory adapter: an unused history expires, and leaves no timer', async (t) => {
  const { clock, adapter } = alone()
  await adapter.history.append('x', append('1'))
  await adapter.history.append('y', append('1', 10 * minute))
  const [before] = await adapter.history.positions(['x'])
  clock.advance(2 * minute)
  t.strictSame(await adapter.history.positions(['x']), [undefined])
  t.not((await adapter.history.read('x')).position.epoch, before?.epoch, 'a new history begins')
  t.ok((await adapter.history.positions(['y']))[0], 'a history with a longer ttl remains')
  clock.advance(20 * minute)
  t.equal(clock.pending, 0)
})

t.test('memory adapter: a grace period ends even if its timer fires early', async (t) => {
  const clock = new FakeClock(1)
  const early = {
    now: () => clock.now(),
    setTimeout: (fn: () => void, ms: number) => clock.setTimeout(fn, ms - 1),
    clearTimeout: (timer: Timer) => clock.clearTimeout(timer)
  }
  const adapter = new MemoryAdapter(new MemoryHub(early))
  for (const connection of ['1', '2']) await adapter.presence.enter('x', { connection, user: 'ann', data: {} })
  await adapter.presence.exit('x', '1', 1_000)
  clock.advance(500)
  await adapter.presence.exit('x', '2', 1_000)
  clock.advance(600)
  t.equal(await adapter.presence.count('x'), 1, 'the later grace period counts')
  clock.advance(400)
  t.equal(await adapter.presence.count('x'), 0)
})

t.test('memory adapter: a grace period ends although the last connection exits without one', async (t) => {
  const { clock, adapter } = alone()
  for (const connection of ['c1', 'c2']) await adapter.presence.enter('x', { connection, user: 'ada', data: 1 })
  await adapter.presence.exit('x', 'c1', 3_000)
  await adapter.presence.exit('x', 'c2')
  clock.advance(2_999)
  t.equal(await adapter.presence.count('x'), 1, 'it is not cut short')
  clock.advance(1)
  t.equal(await adapter.presence.count('x'), 0, 'nobody stays')
})

t.test('memory adapter: quota and grace periods work before the adapter starts', async (t) => {
  const { clock, adapter } = alone()
  await adapter.quota.acquire('ann', '1', 1)
  t.match(await adapter.quota.acquire('ann', '2', 1), { granted: false, retryAfter: 5_000 })
  await adapter.quota.release('ann', '1')
  await adapter.quota.release('ann', 'unknown')
  t.match(await adapter.quota.acquire('ann', '2', 1), { granted: true })
  await adapter.presence.enter('x', { connection: '1', user: 'ann', data: {} })
  await adapter.presence.exit('x', '1', 3_000)
  clock.advance(3_000)
  t.equal(await adapter.presence.count('x'), 0)
})

t.test('memory adapter: each recoverability case gets the expected reason, or none', async (t) => {
  for (const { title, appended, kept, entryBytes, cached, since, reason } of recoverabilityCases) {
    // The hub has no cache, so these cases do not apply.
    if (cached !== undefined) continue
    const { history } = alone().adapter
    const positions = [(await history.read('x')).position]
    for (let i = 1; i <= appended; i++) {
      const entry = { ...append(`${i}`), encoded: Buffer.alloc(entryBytes), limit: Math.max(kept, 1) }
      const outcome = await history.append('x', entry)
      if ('position' in outcome) positions.push(outcome.position)
    }
    const known = since && (positions[since.offset] ?? { epoch: positions[0]?.epoch ?? '', hash: 'none' })
    const position = since && known && {
      offset: since.offset,
      epoch: since.isSameEpoch ? known.epoch : 'other',
      hash: since.isSameHash ? known.hash : 'other'
    }
    t.equal((await history.read('x', position)).reason, reason, title)
  }
})

t.test('memory adapter: an expired claim is deleted, and a stored reply remains for 120 s', async (t) => {
  const clock = new FakeClock(1)
  const hub = new MemoryHub(clock)
  const { idempotency } = new MemoryAdapter(hub)
  const claim = (id: string) => ({ id, contentHash: 'h', owner: 'a' })
  for (const id of ['crashed', 'done']) await idempotency.claim('x', claim(id))
  await idempotency.finish('x', claim('done'), '1', [])
  clock.advance(minute)
  t.strictSame([hub.claims.size, hub.replies.size], [0, 1], 'the claim that its owner does not renew is deleted')
  clock.advance(2 * minute)
  t.equal(hub.replies.size, 0, 'the reply is deleted 120 s after it was stored')
})

/** Counts the entries that loops over a map visit. */
function countVisits (map: Map<string, unknown>): () => number {
  const iterate = map[Symbol.iterator].bind(map)
  let visits = 0
  map[Symbol.iterator] = function * () {
    for (const entry of iterate()) {
      visits++
      yield entry
    }
  } as typeof iterate
  return () => visits
}

t.test('memory adapter: a message visits as many claims among 1,000 as among 10,000', async (t) => {
  const visitsAmong = async (messages: number) => {
    const clock = new FakeClock(1)
    const hub = new MemoryHub(clock)
    const { idempotency } = new MemoryAdapter(hub)
    const visits = [countVisits(hub.claims), countVisits(hub.replies)]
    const handle = async (id: string) => {
      const claim = { id, contentHash: 'h', owner: id }
      await idempotency.claim('x', claim)
      await idempotency.finish('x', claim, '1', [])
    }
    for (let i = 0; i < messages; i++) await handle(`${i}`)
    const before = visits.map((count) => count())
    await handle('next')
    const fresh = visits.map((count, i) => count() - (before[i] as number))
    clock.advance(3 * minute - 1)
    for (let i = 0; i < messages; i++) await handle(`later ${i}`)
    t.equal(hub.replies.size, messages, 'the expired replies are gone, the new ones remain')
    return { fresh, all: visits.map((count, i) => count() - (before[i] as number)) }
  }
  const [few, many] = [await visitsAmong(1_000), await visitsAmong(10_000)]
  t.strictSame(few.fresh, many.fresh, 'the visits do not depend on the number of claims')
  t.ok(many.all.every((visits) => visits <= 5 * 20_001), `${many.all.join(' and ')} visits for 20,001 messages`)
})

t.test('memory adapter: a revocation reaches nodes that start later, until it ends', async (t) => {
  const clock = new FakeClock(1)
  const hub = new MemoryHub(clock)
  const first = new MemoryAdapter(hub)
  await first.nodes.revoke('user ada', minute)
  await first.nodes.revoke('user ada', minute - 1)
  const revokedFor = () => {
    const ends: number[] = []
    new MemoryAdapter(hub).start({ ...noEvents, revoked: (_key, until) => ends.push(until) })
    return ends
  }
  t.strictSame(revokedFor(), [minute], 'the later end counts')
  await first.nodes.revoke('user bob', 3 * minute)
  clock.advance(minute)
  t.strictSame(revokedFor(), [3 * minute], 'an ended one is not reported')
  clock.advance(2 * minute)
  t.equal(hub.revocations.size, 0, 'and is deleted')
})
