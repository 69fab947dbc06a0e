import t from 'tap'
import { TokenBucket } from '../../../lib/limits/token-bucket.ts'
import { TokenExpiry } from '../../../lib/connection/token-expiry.ts'
import { InboundRateLimiter } from '../../../lib/limits/inbound-rate-limiter.ts'
import { defaultLimits, noLimits } from '../../../lib/limits/limits.ts'
import { ConnectionQuota } from '../../../lib/limits/connection-quota.ts'
import { revocationKey, Revocations } from '../../../lib/connection/revocations.ts'
import { UserRateLimits } from '../../../lib/limits/user-rate-limits.ts'
import { FakeClock } from '../../../lib/testing/fake-clock.ts'

t.test('a bucket', async (t) => {
  const clock = new FakeClock(1_000_000)
  const bucket = new TokenBucket({ max: 10, timeWindow: 1000 }, clock)

  t.test('lets a burst through, and then says when', async (t) => {
    for (let i = 0; i < 10; i++) t.equal(bucket.consume(), 0)
    t.equal(bucket.consume(), 100)
    clock.advance(99)
    t.equal(bucket.consume(), 1)
    clock.advance(1)
    t.equal(bucket.consume(), 0)
    t.notOk(bucket.isFull)
    clock.advance(1000)
    t.ok(bucket.isFull)
  })

  t.test('never lets more than its rate and one burst through, however it is asked', async (t) => {
    let passed = 0
    for (let ms = 0; ms < 60_000; ms += 7) {
      if (bucket.consume() === 0) passed++
      clock.advance(7)
    }
    t.ok(passed <= 610 && passed >= 600, String(passed))
  })

  t.test('lets more than it can hold through when it is full, and is in debt then', async (t) => {
    clock.advance(1000)
    t.equal(bucket.consume(4), 0)
    t.equal(bucket.consume(20), 400)
    clock.advance(400)
    t.equal(bucket.consume(20), 0)
    t.equal(bucket.consume(), 1100)
  })

  t.test('gains nothing when the clock is set back, and goes on from there', async (t) => {
    let now = 10_000
    const moved = new TokenBucket(
      { max: 2, timeWindow: 1000 }, { now: () => now, setTimeout: () => undefined, clearTimeout: () => {} }
    )
    moved.consume(2)
    now = 0
    t.equal(moved.consume(), 500)
    now = 500
    t.equal(moved.consume(), 0)
  })
})

t.test('a gate counts joins and leaves apart from messages, and bytes of all', async (t) => {
  const rate = (max: number) => ({ max, timeWindow: 1000 })
  const gate = new InboundRateLimiter(
    { ...defaultLimits, messages: rate(2), joins: rate(1), bytes: rate(100) }, new FakeClock()
  )
  t.equal(gate.consume('say', 10), 0)
  t.equal(gate.consume('say', 10), 0)
  t.equal(gate.consume('say', 10), 500)
  t.equal(gate.consume('join', 10), 0)
  t.equal(gate.consume('leave', 10), 1000)
  const narrow = new InboundRateLimiter({ ...defaultLimits, bytes: rate(100) }, new FakeClock())
  t.equal(narrow.consume('say', 60), 0)
  t.equal(narrow.consume('join', 60), 200)
})

t.test('without limits rates and connections are free, memory is not', async (t) => {
  const gate = new InboundRateLimiter(noLimits, new FakeClock())
  for (let i = 0; i < 10_000; i++) if (gate.consume('say', 65_536) > 0) t.fail('limited')
  t.equal(noLimits.sendQueueBytes, defaultLimits.sendQueueBytes)
  t.equal(noLimits.channels, defaultLimits.channels)
})

t.test('places are taken and given back, by key', async (t) => {
  const places = new ConnectionQuota(2)
  t.ok(places.acquireQuota('a'))
  t.ok(places.acquireQuota('a'))
  t.notOk(places.acquireQuota('a'))
  t.ok(places.acquireQuota('b'))
  places.releaseQuota('a')
  t.ok(places.acquireQuota('a'))
  for (const key of ['a', 'a', 'b']) places.releaseQuota(key)
  t.equal(places.size, 0)
})

t.test('what has expired is ended, by the clock on the wall', async (t) => {
  const clock = new FakeClock(1000)
  const ended: string[] = []
  const expiry = new TokenExpiry<{ name: string, expiresAt: number | undefined }>(clock, (one) => {
    ended.push(one.name)
    expiry.unwatch(one)
  })
  const late = { name: 'late', expiresAt: 10_000 }
  for (const one of [
    { name: 'soon', expiresAt: 2500 }, late, { name: 'never', expiresAt: undefined }
  ]) expiry.watch(one)
  clock.advance(1000)
  t.strictSame(ended, [])
  clock.advance(1000)
  t.strictSame(ended, ['soon'])
  late.expiresAt = 20_000
  clock.advance(10_000)
  t.strictSame(ended, ['soon'], 'a newer token counts at once')
  clock.advance(10_000)
  t.strictSame(ended, ['soon', 'late'])
  t.equal(clock.pending, 1)
})

t.test('nothing to expire, no timer', async (t) => {
  const clock = new FakeClock()
  const expiry = new TokenExpiry(clock, () => {})
  const one = { expiresAt: 5 }
  expiry.watch(one)
  expiry.unwatch(one)
  t.equal(clock.pending, 0)
})

t.test('revocations hold for a user or a token until they are over', async (t) => {
  const clock = new FakeClock(1000)
  const revocations = new Revocations(clock)
  revocations.add(revocationKey({ userId: 'ann' }), 5000)
  revocations.add(revocationKey({ userId: 'ann' }), 2000)
  revocations.add(revocationKey({ jti: 't1' }), 2000)
  t.ok(revocations.isRevoked({ userId: 'ann', jti: undefined }))
  t.ok(revocations.isRevoked({ userId: 'bob', jti: 't1' }))
  t.notOk(revocations.isRevoked({ userId: 't1', jti: 'ann' }))
  t.notOk(revocations.isRevoked({ userId: undefined, jti: undefined }))
  clock.advance(1000)
  t.notOk(revocations.isRevoked({ userId: 'bob', jti: 't1' }))
  t.ok(revocations.isRevoked({ userId: 'ann', jti: 't1' }), 'the later of two counts')
  revocations.sweep()
  t.equal(revocations.size, 1)
})

t.test('what is not there cannot be revoked', async (t) => {
  for (const nothing of [{ jti: undefined }, { userId: undefined }, {}]) {
    t.throws(() => revocationKey(nothing as never), { code: 'FST_CHANNELS_USAGE' })
  }
})

t.test('declared rates are counted by message and user, and forgotten when they make no difference', async (t) => {
  const clock = new FakeClock()
  const limits = new UserRateLimits(clock)
  const rate = { max: 1, timeWindow: 1000 }
  t.equal(limits.consume('chat say', rate, 'ann'), 0)
  t.equal(limits.consume('chat say', rate, 'ann'), 1000)
  t.equal(limits.consume('chat say', rate, 'bob'), 0)
  t.equal(limits.consume('chat type', rate, 'ann'), 0)
  limits.sweep()
  t.equal(limits.size, 3)
  clock.advance(1000)
  limits.sweep()
  t.equal(limits.size, 0)
})
