import { Redis } from 'ioredis'
import t from 'tap'
import { RedisAdapter } from '../../lib/redis/redis-adapter.ts'
import { systemClock } from '../../lib/clock.ts'
import { silentLog } from '../support/silent-log.ts'
import { startSentinel } from '../support/redis.ts'
import { until } from '../support/until.ts'

const append = (id: string) => ({
  id, encoded: Buffer.from('{"type":"x"}'), whenSlow: undefined, limit: 10, ttl: 60_000
})

t.test('Sentinel: the nodes follow to the new master by themselves', async (t) => {
  const { master, sentinel } = await startSentinel(t)
  const client = new Redis({ name: 'mymaster', sentinels: [{ host: '127.0.0.1', port: sentinel }], lazyConnect: true })
  t.teardown(async () => client.disconnect())
  const heard: string[] = []
  const nodes = [0, 1].map(() =>
    new RedisAdapter({ client, clock: systemClock, log: silentLog })) as [RedisAdapter, RedisAdapter]
  for (const node of nodes) {
    node.start({
      message: (_channel, frame) => heard.push(frame.toString()),
      presenceChanged: () => {},
      entriesAppended: () => {},
      gap: () => {},
      revoked: () => {},
      requested: () => {}
    })
    t.teardown(() => node.close())
  }
  const [a, b] = nodes
  const state = (wanted: string) => until(() => nodes.every(({ status }) => status.state === wanted))
  await state('up')
  await b.pubsub.subscribe('x')
  const appended = await a.history.append('x', append('1'))
  if (appended.outcome !== 'appended') throw new Error(appended.outcome)
  const entries = [{ id: '1', hash: appended.position.hash }]
  const every = { replicas: undefined, timeoutMs: 10_000 }
  t.equal(await a.history.confirm('x', entries, every), true, 'the replica has it')
  await a.presence.enter('x', { connection: '1', user: 'ann', data: {} })

  await master.kill()
  await state('degraded')
  await t.rejects(a.history.append('x', append('2')))
  await state('up')
  t.match(await a.history.append('x', append('1')), { outcome: 'duplicate' }, 'what the replica had is there')
  await t.rejects(a.history.confirm('x', entries, { ...every, timeoutMs: 100 }), 'the new master has no replica')
  t.match(await a.history.append('x', append('2')), { outcome: 'appended' })
  t.equal(await b.presence.count('x'), 1, 'who was present is')
  await a.pubsub.publish('x', Buffer.from('hello'))
  await until(() => heard.length > 0)
  t.strictSame(heard, ['hello'])
})
