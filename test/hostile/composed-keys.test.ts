import t from 'tap'
import { revocationKey, revokedBy } from '../../lib/connection/revocations.ts'
import { matchPattern, parsePattern } from '../../lib/contract/pattern.ts'
import { UserRateLimits } from '../../lib/limits/user-rate-limits.ts'
import { Keys } from '../../lib/redis/keys.ts'
import { addressIn, channelName } from '../../lib/protocol/envelope.ts'
import { idempotencyId } from '../../lib/server/messages/idempotent-messages.ts'
import { FakeClock } from '../../lib/testing/fake-clock.ts'

/** Characters with which one part of a key could reach into the next one. */
const hostile = [
  '', ' ', ':', '/', '"', '\\', '{', '}', '%', '%7B', '%7b', ',', '","', '\u0000', '\n', 'null', 'undefined',
  '__proto__', 'a', 'a b', 'a:b', 'a/b', '{a}', 'a}:b', 'a","b', '["a","b"]', 'ä', 'a\u0308'
]

/** Every pair of hostile parts. */
const pairs = hostile.flatMap((a) => hostile.map((b) => [a, b] as const))

t.test('composed keys: no two pairs of parts make the same Redis name', async (t) => {
  const keys = new Keys('p')
  const names = hostile.flatMap((name) => [
    ...keys.ofHistory(name), ...keys.ofPresence(name, 'incarnation'), keys.ofUser(name, 'quota'),
    keys.ofNode(name, 'probe')
  ])
  t.equal(new Set(names).size, names.length)
  for (const name of names) t.match(name, /^p:\{[cun]:[^{}]*\}:[a-z0-9:]+$/, 'the hash tag holds the whole name')
})

t.test('composed keys: no address is the name of a channel in a namespace', async (t) => {
  const addresses = pairs.map(([a, b]) => `${a}/${b}`)
  for (const address of addresses) {
    t.equal(addressIn(channelName('v2', address)), address)
    const isMatched = matchPattern(parsePattern(':a/:b'), address) !== undefined
    if (isMatched) t.equal(addressIn(address), address, `${JSON.stringify(address)} has no namespace`)
  }
})

t.test('composed keys: no two users, channels and correlation ids share an idempotency id', async (t) => {
  const ids = pairs.flatMap(([user, channel]) => hostile.map((id) => idempotencyId(user, channel, id)))
  ids.push(...pairs.map(([channel, id]) => idempotencyId(undefined, channel, id)))
  t.equal(new Set(ids).size, ids.length)
})

t.test('composed keys: no two message types and users share a rate', async (t) => {
  const limits = new UserRateLimits(new FakeClock())
  for (const [type, user] of pairs) limits.consume(type, { max: 1, timeWindow: 1_000 }, user)
  t.equal(limits.size, pairs.length)
})

t.test('composed keys: no user and token share a revocation', async (t) => {
  const keys = hostile.flatMap((id) => [revocationKey({ userId: id }), revocationKey({ jti: id })])
  t.equal(new Set(keys).size, keys.length)
  for (const revoked of hostile.flatMap((id) => [{ userId: id }, { jti: id }])) {
    t.strictSame(revokedBy(revocationKey(revoked)), revoked, 'the key gives what it revokes')
  }
})
