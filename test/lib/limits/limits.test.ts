import t from 'tap'
import type { Logger } from '../../../lib/logger.ts'
import { BoundedLog } from '../../../lib/limits/bounded-log.ts'
import { TokenBucket } from '../../../lib/limits/token-bucket.ts'
import { TokenExpiry } from '../../../lib/connection/token-expiry.ts'
import { InboundRateLimiter } from '../../../lib/limits/inbound-rate-limiter.ts'
import { defaultLimits, noLimits } from '../../../lib/limits/limits.ts'
import { addressGroup, ConnectionQuota, HeldQuotas } from '../../../lib/limits/connection-quota.ts'
import { revocationKey, Revocations } from '../../../lib/connection/revocations.ts'
import { RefusalBudget } from '../../../lib/limits/refusal-budget.ts'
import { UserRateLimits } from '../../../lib/limits/user-rate-limits.ts'
import { FakeClock } from '../../../lib/testing/fake-clock.ts'

t.test('token bucket', async (t) => {
  const clock = new FakeClock(1_000_000)
  const bucket = new TokenBucket({ max: 10, timeWindow: 1000 }, clock)

  t.test('token bucket: a burst is allowed, then consume() returns the wait in milliseconds', async (t) => {
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

  t.test('token bucket: within 60 s it allows its rate and one burst', async (t) => {
    let passed = 0
    for (let ms = 0; ms < 60_000; ms += 7) {
      if (bucket.consume() === 0) passed++
      clock.advance(7)
    }
    t.ok(passed <= 610 && passed >= 600, `${passed} of at most 610 messages are allowed`)
  })

  t.test('token bucket: a full bucket allows more than it holds, and then has a debt', async (t) => {
    clock.advance(1000)
    t.equal(bucket.consume(4), 0)
    t.equal(bucket.consume(20), 400)
    clock.advance(400)
    t.equal(bucket.consume(20), 0)
    t.equal(bucket.consume(), 1100)
  })

  t.test('token bucket: a clock that is set back adds no tokens, and the bucket continues from there', async (t) => {
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

t.test('inbound rate limiter: joins and leaves have their own rate, bytes are those of all messages', async (t) => {
  const rate = (max: number) => ({ max, timeWindow: 1000 })
  const limiter = new InboundRateLimiter(
    { ...defaultLimits, messages: rate(2), joins: rate(1), bytes: rate(100) }, new FakeClock()
  )
  t.equal(limiter.consume('say', 10), 0)
  t.equal(limiter.consume('say', 10), 0)
  t.equal(limiter.consume('say', 10), 500)
  t.equal(limiter.consume('join', 10), 0)
  t.equal(limiter.consume('leave', 10), 1000)
  const narrow = new InboundRateLimiter({ ...defaultLimits, bytes: rate(100) }, new FakeClock())
  t.equal(narrow.consume('say', 60), 0)
  t.equal(narrow.consume('join', 60), 200)
})

t.test('inbound rate limiter: a message costs one reading of the clock', async (t) => {
  let readings = 0
  const now = () => { readings++; return 1_000 }
  const limiter = new InboundRateLimiter(defaultLimits, { now, setTimeout: () => undefined, clearTimeout: () => {} })
  readings = 0
  t.equal(limiter.consume('say', 10), 0)
  t.equal(limiter.consume('join', 10), 0)
  t.equal(readings, 2)
})

t.test('limits: without limits there are no rates, but the bounds on memory remain', async (t) => {
  const limiter = new InboundRateLimiter(noLimits, new FakeClock())
  for (let i = 0; i < 10_000; i++) if (limiter.consume('say', 65_536) > 0) t.fail('a message was refused')
  t.equal(noLimits.sendQueueBytes, defaultLimits.sendQueueBytes)
  t.equal(noLimits.channels, defaultLimits.channels)
})

t.test('connection quota: it is acquired and released by key', async (t) => {
  const quota = new ConnectionQuota(2)
  t.ok(quota.acquireQuota('a'))
  t.ok(quota.acquireQuota('a'))
  t.notOk(quota.acquireQuota('a'))
  t.ok(quota.acquireQuota('b'))
  quota.releaseQuota('a')
  t.ok(quota.acquireQuota('a'))
  for (const key of ['a', 'a', 'b']) quota.releaseQuota(key)
  t.equal(quota.size, 0)
})

t.test('token expiry: a connection is closed within 1 s after its token expired', async (t) => {
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
  t.strictSame(ended, ['soon'], 'a renewed token postpones the close at once')
  clock.advance(10_000)
  t.strictSame(ended, ['soon', 'late'])
  t.equal(clock.pending, 1)
})

t.test('token expiry: without watched connections there is no timer', async (t) => {
  const clock = new FakeClock()
  const expiry = new TokenExpiry(clock, () => {})
  const one = { expiresAt: 5 }
  expiry.watch(one)
  expiry.unwatch(one)
  t.equal(clock.pending, 0)
})

t.test('revocations: a user or a token is revoked until the revocation ends', async (t) => {
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
  t.ok(revocations.isRevoked({ userId: 'ann', jti: 't1' }), 'the later end of two revocations counts')
  revocations.sweep()
  t.equal(revocations.size, 1)
})

t.test('revocations: a target without a user id and a token id is refused', async (t) => {
  for (const nothing of [{ jti: undefined }, { userId: undefined }, {}]) {
    t.throws(() => revocationKey(nothing as never), { code: 'FST_CHANNELS_USAGE' })
  }
})

t.test('user rate limits: they are counted by message and user, and full buckets are deleted', async (t) => {
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

t.test('connection quota: a /64 of IPv6 counts as one address, and IPv4 in IPv6 as itself', async (t) => {
  const rows: ReadonlyArray<readonly [ip: string, group: string]> = [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2::1', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002:ffff:ffff:ffff:ffff', '2001:db8:1:2::/64'],
    ['2001:db8:1:3::1', '2001:db8:1:3::/64'],
    ['2001:db8::1:2:3:4:5', '2001:db8:0:1::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['no:address', 'no:address']
  ]
  for (const [ip, group] of rows) t.equal(addressGroup(ip), group, ip)
  t.equal(addressGroup(undefined), '', 'the socket is gone')
})

t.test('bounded log: 10 lines a minute of each kind, then the number of suppressed ones', async (t) => {
  const clock = new FakeClock()
  const lines: string[] = []
  const write = (details: { suppressed?: number }, message: string) => {
    lines.push(`${message}${details.suppressed === undefined ? '' : ` ${details.suppressed}`}`)
  }
  const children: object[] = []
  const child = (bindings: object) => {
    children.push(bindings)
    return plain
  }
  const plain: Logger = { info: write, warn: write, error: write, child }
  const log = new BoundedLog(plain, { id: 'c1', userId: 'ann' }, clock)
  const take = () => lines.splice(0)
  log.flush()
  t.strictSame(take(), [], 'nothing was suppressed')
  t.strictSame(children, [], 'a logger of its own comes with the first line')
  for (let i = 0; i < 190; i++) log.info({}, 'refused')
  for (let i = 0; i < 3; i++) log.warn({}, 'failed')
  t.strictSame(take(), [...Array<string>(10).fill('refused'), 'failed', 'failed', 'failed'])
  clock.advance(60_000)
  log.error({}, 'refused')
  log.error({}, 'failed')
  t.strictSame(take(), ['log lines of a connection were suppressed 180', 'refused', 'failed'])
  for (let i = 0; i < 12; i++) log.info({}, 'refused')
  log.flush()
  log.flush()
  t.strictSame(take().slice(-2), ['refused', 'log lines of a connection were suppressed 3'], 'once')
  t.strictSame(children, [{ connection: 'c1', user: 'ann' }])
  t.equal(log.child({}), plain, 'lines of the application are not bounded')
})

t.test('refusal budget: 10 of an address and 100 of all within a minute, then their number by status', async (t) => {
  const clock = new FakeClock()
  const reports: unknown[] = []
  const budget = new RefusalBudget(clock, (suppressed) => reports.push(suppressed))
  const take = (address: string, times: number) =>
    Array.from({ length: times }, () => budget.take(address)).filter((giveBack) => giveBack !== undefined)
  const [giveBack] = take('a', 12)
  t.equal(take('a', 1).length, 0)
  giveBack?.()
  t.equal(take('a', 2).length, 1, 'an admitted upgrade is taken out of the count')
  for (let i = 0; i < 20; i++) take(`b${i}`, 10)
  t.equal(take('c', 1).length, 0, '100 of all addresses together')
  budget.countSuppressed('401')
  budget.countSuppressed('429')
  budget.countSuppressed('401')
  t.equal(clock.pending, 1)
  clock.advance(60_000)
  t.strictSame(reports, [{ 401: 2, 429: 1 }])
  t.equal(take('a', 12).length, 10, 'the next minute has a budget of its own')
  giveBack?.()
  t.equal(take('a', 1).length, 0, 'what was taken before belongs to that minute')
  budget.flush()
  t.equal(reports.length, 1, 'nothing was suppressed since')
})

t.test('limits: quotas that are taken after the end are given back at once', async (t) => {
  const quota = new ConnectionQuota(2)
  const [attempt, connection, late] = [new HeldQuotas(), new HeldQuotas(), new HeldQuotas()]
  attempt.take(quota, 'a')
  connection.take(quota, 'b')
  attempt.replaceBy(connection)
  t.notOk(quota.acquireQuota('b') && quota.acquireQuota('b'), 'the quota of the connection is held')
  t.equal(quota.size, 1, 'that of the attempt is not')
  attempt.end()
  late.take(quota, 'c')
  attempt.replaceBy(late)
  attempt.take(quota, 'd')
  quota.releaseQuota('b')
  t.equal(quota.size, 0)
})
