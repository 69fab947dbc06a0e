import { EventEmitter } from 'node:events'
import { Type } from '@sinclair/typebox'
import { Cluster, type Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { systemClock } from '../../../lib/clock.ts'
import { defineChannel } from '../../../lib/contract/define-channel.ts'
import { ReplicaWait } from '../../../lib/redis/history/replica-wait.ts'
import { Replicas } from '../../../lib/redis/history/replicas.ts'
import { Keys } from '../../../lib/redis/keys.ts'
import { RedisAdapter } from '../../../lib/redis/redis-adapter.ts'
import { implement } from '../../../lib/server/implement.ts'
import { FakeClock } from '../../../lib/testing/fake-clock.ts'
import { TestClient } from '../../../lib/testing/test-client.ts'
import { noEvents } from '../../support/conformance/adapter-history.ts'
import { startRedis, startReplicated, startReplicatedCluster, type RedisServer } from '../../support/redis.ts'
import { bearer, listen, makeApp } from '../../support/serve.ts'
import { silentLog } from '../../support/silent-log.ts'
import { until } from '../../support/until.ts'

const messages = {
  fromClient: {
    post: { payload: Type.String(), idempotent: true },
    /** Its handler appends nothing when an earlier run did. */
    keep: { payload: Type.String(), idempotent: true }
  },
  fromServer: { posted: { payload: Type.String() } }
} as const
const history = { limit: 10, ttl: 60_000 }
const safe = defineChannel({ pattern: 'safe', ...messages, history: { ...history, durable: { timeout: 300 } } })
const all = defineChannel({ pattern: 'all', ...messages, history: { ...history, durable: 'replica' } })
const slow = defineChannel({ pattern: 'slow', ...messages, history: { ...history, durable: { timeout: 30_000 } } })
const burst = defineChannel({
  pattern: 'burst', ...messages, history: { limit: 1_000, ttl: 60_000, durable: { timeout: 2_000 } }
})
const both = { replicas: 2, timeout: 100 }
const two = defineChannel({ pattern: 'two', ...messages, history: { ...history, durable: both } })
const plain = defineChannel({ pattern: 'plain', ...messages, history })

const contracts = [safe, ...[two, plain, all, slow, burst].map((contract) => contract as unknown as typeof safe)]

async function serve (t: Test, { url }: RedisServer) {
  const { app, sink } = await makeApp(t, { redis: { url } })
  app.ws('/ws', contracts.map((contract) => implement(contract, {
    on: {
      post: async (ctx, text) => { await ctx.broadcast('posted', text) },
      keep: async (ctx, text) => { if (ctx.appended.length === 0) await ctx.broadcast('posted', text) }
    }
  })))
  const served = await listen(app, sink)
  await until(() => app.channels.status().state === 'up')
  const client = await TestClient.connect(`${served.url}/ws`, [], bearer(served.token('ann')))
  for (const { pattern } of contracts) await client.request('join', pattern)
  /** Sent again, it has the same id. */
  const send = (type: string, channel: string, text: string) =>
    client.request(type, channel, text, `${channel} ${text}`)
  return {
    ...served,
    client,
    send,
    /** As a client does: again while it is unavailable. */
    sendSafely: async (type: string, text: string) => {
      for (;;) {
        const reply = await send(type, 'safe', text)
        if (reply.type === 'ack') return reply
      }
    },
    kept: async (contract: typeof safe) => (await app.rooms.of(contract).read()).messages.map(({ payload }) => payload)
  }
}

/** As Sentinel does it. */
async function promote (replica: RedisServer): Promise<void> {
  await replica.cli('REPLICAOF', 'NO', 'ONE')
}

const unavailable = (appended: number) => ({ type: 'error', payload: { code: 'unavailable', appended } })

t.test('durable: a message is acked when the replica has it, and survives the loss of the master', async (t) => {
  const [master, replica] = await startReplicated(t)
  const { client, send, sendSafely, app, logged } = await serve(t, master)
  t.match(await sendSafely('post', 'one'), { offset: 1 })

  replica.pause()
  const before = client.log.length
  t.match(await send('post', 'safe', 'two'), unavailable(2))
  t.strictSame(client.log.slice(before).map(({ type }) => type), ['posted', 'error'], 'delivered before the answer')
  const [a, b] = [send('post', 'safe', 'two'), send('keep', 'safe', 'three')]
  t.match(await a, unavailable(2), 'sent again, it waits again')
  t.match(await b, unavailable(3))
  t.match(await send('keep', 'safe', 'three'), unavailable(3), 'also when its handler appends nothing')
  await t.rejects(app.rooms.of(safe).broadcast('posted', 'four'), { code: 'unavailable', appended: 4, statusCode: 503 })
  t.match(await logged("the senders of durable messages get 'unavailable', because replicas of Redis do not confirm " +
    'them: check the replicas and their connection to the master'), { level: 40, replicas: 'all' })
  t.match(await send('post', 'plain', 'lost'), { type: 'ack', offset: 1 }, 'without the option it is acked')

  replica.resume()
  t.match(await sendSafely('post', 'two'), { offset: 2 })
  await sendSafely('keep', 'three')
  await logged('replicas of Redis confirm durable messages again')
  t.match(await send('post', 'two', 'one'), unavailable(1), 'there is one replica')
  t.match(await sendSafely('post', 'five'), { offset: 5 })

  await master.kill()
  await promote(replica)
  const after = await serve(t, replica)
  t.strictSame(await after.kept(safe), ['one', 'two', 'three', 'four', 'five'])
  t.match(await after.send('post', 'safe', 'five'), { type: 'ack', offset: 5 }, 'the stored reply')
  t.match(await after.send('post', 'safe', 'six'), unavailable(6), 'nothing has two copies any more')
})

t.test('durable: every message that was acked while the master is killed is on the promoted replica', async (t) => {
  const [master, replica] = await startReplicated(t)
  const { app } = await serve(t, master)
  const room = app.rooms.of(burst)
  const acked: string[] = []
  const state = { isKilled: false }
  const writers = Array.from({ length: 10 }, async (_, writer) => {
    for (let i = 0; !state.isKilled; i++) {
      const text = `${writer} ${i}`
      await room.broadcast('posted', text).then(() => acked.push(text), () => {})
    }
  })
  await until(() => acked.length >= 100)
  const killing = master.kill()
  state.isKilled = true
  await killing
  await Promise.all(writers)
  await promote(replica)
  const kept = new Set(await (await serve(t, replica)).kept(burst as unknown as typeof safe))
  t.strictSame(acked.filter((text) => !kept.has(text)), [], `${acked.length} acked`)
})

t.test('durable: without it the loss of the master loses acked messages, and a returning client is told', async (t) => {
  const [master, replica] = await startReplicated(t)
  const { send, client, app } = await serve(t, master)
  await send('post', 'plain', 'one')
  await copyAll(master)
  await replica.cli('REPLICAOF', '127.0.0.1', '1')
  t.match(await send('post', 'plain', 'two'), { type: 'ack', offset: 2 })
  t.match(await send('post', 'safe', 'one'), unavailable(1))
  const { position } = await app.rooms.of(plain).read()
  await master.kill()
  await promote(replica)
  client.terminate()
  const after = await serve(t, replica)
  t.strictSame(await after.kept(plain as unknown as typeof safe), ['one'])
  t.strictSame(await after.kept(safe), [], 'it was not acked')
  await after.client.request('leave', 'plain')
  t.match(await after.client.request('join', 'plain', { since: position }), {
    payload: { recovered: false, reason: 'future' }
  })
})

/** Resolves once the replica has everything. */
async function copyAll (master: RedisServer): Promise<void> {
  await master.cli('SET', 'x', '1')
  await until(async () => await master.cli('WAIT', '1', '1000') === 1)
}

t.test('durable: without a replica, or without the right to wait, messages get unavailable', async (t) => {
  const redis = await startRedis(t)
  const { send, logged } = await serve(t, redis)
  t.match(await send('post', 'all', 'one'), unavailable(1), 'at least one replica has to have it')
  t.match(await logged("the senders of durable messages get 'unavailable', because replicas of Redis do not confirm " +
    'them: check the replicas and their connection to the master'), { level: 40, replicas: 'all' })
  const other = await serve(t, redis)
  await redis.cli('ACL', 'SETUSER', 'default', '-wait')
  t.match(await other.send('post', 'slow', 'one'), unavailable(1))
  t.match(await other.logged("the senders of durable messages get 'unavailable', because replicas of Redis do not " +
    'confirm them: check the replicas and their connection to the master'), { err: { message: /NOPERM .*wait/ } })
})

t.test('durable: in a Cluster each master has its own connection, also one that a failover made', async (t) => {
  const [master, replica] = await startReplicatedCluster(t)
  const nodes = [master, replica].map(({ port }) => ({ host: '127.0.0.1', port }))
  const client = new Cluster(nodes, { lazyConnect: true })
  t.teardown(() => client.disconnect())
  const adapter = new RedisAdapter({ client, clock: systemClock, log: silentLog })
  adapter.start(noEvents)
  t.teardown(() => adapter.close())
  const every = { replicas: undefined, timeoutMs: 5_000 }
  await t.rejects(adapter.history.confirm('x', [{ id: '1', hash: 'h' }], every), /no master of the Redis Cluster is known/)
  await until(() => adapter.status.state === 'up')
  const appended = await adapter.history.append('x', {
    id: '1', encoded: Buffer.from('{"type":"x"}'), whenSlow: undefined, ...history
  })
  if (!('position' in appended)) throw new Error('not appended')
  const entries = [{ id: '1', hash: appended.position.hash }]
  t.equal(await adapter.history.confirm('x', entries, every), true)
  t.equal(await adapter.history.confirm('x', [{ id: '2', hash: 'h' }], every), false, 'an entry that was lost')
  adapter.history.replicas.reconnect()
  await until(() => adapter.history.confirm('x', entries, every).catch(() => false))

  await master.kill()
  await replica.cli('CLUSTER', 'FAILOVER', 'TAKEOVER')
  await until(() => adapter.history.read('x').then(({ entries }) => entries.length === 1, () => false))
  await t.rejects(adapter.history.confirm('x', entries, { ...every, timeoutMs: 50 }), 'the new master has no replica')
})

/** What a connection of ioredis does for `ReplicaWait`, step by step. */
class FakeConnection extends EventEmitter {
  status = 'wait'
  readonly calls: string[] = []
  readonly waits: Array<(replicas: number) => void> = []

  async connect (): Promise<void> {
    this.calls.push('connect')
    this.status = 'ready'
    this.emit('ready')
  }

  answer: readonly unknown[] = ['master', 1, [['host', '1', '1'], ['host', '2', '1']]]

  async role (): Promise<unknown> { return this.answer }

  async evalsha (_hash: string, _keys: number, ...rest: string[]): Promise<number> {
    if (rest[0] === 'moved') throw new Error('MOVED 1 127.0.0.1:7000')
    this.calls.push(rest.join(' '))
    return 1
  }

  wait (replicas: number, timeoutMs: number): Promise<number> {
    this.calls.push(`wait ${replicas} ${timeoutMs}`)
    return new Promise((resolve) => this.waits.push(resolve))
  }

  disconnect (reconnect = false): void { this.calls.push(`disconnect ${reconnect}`) }
}

t.test('durable: one WAIT covers all entries that arrive during the one before', async (t) => {
  const clock = new FakeClock()
  const redis = new FakeConnection()
  const wait = new ReplicaWait({
    redis: redis as unknown as Redis, clock, log: silentLog, replicas: undefined, timeoutMs: 1_000
  })
  const first = wait.confirm(['a', 'b'], ['1', 'h1'])
  await until(() => redis.waits.length === 1)
  const others = [wait.confirm(['a', 'b'], ['2', 'h2']), wait.confirm(['a', 'b'], ['3', 'h3'])]
  const moved = t.rejects(wait.confirm(['moved', 'b'], ['4', 'h4']), { cause: { cause: { message: /^MOVED/ } } })
  redis.waits[0]?.(2)
  t.equal(await first, true)
  await until(() => redis.waits.length === 2)
  await moved
  t.strictSame(redis.calls, ['connect', 'a b 1 h1', 'wait 2 1000', 'a b 2 h2', 'a b 3 h3', 'wait 2 1000'])

  redis.emit('close')
  redis.waits[1]?.(2)
  for (const other of others) await t.rejects(other, { cause: { message: 'the connection was lost' } })

  const late = t.rejects(wait.confirm(['a', 'b'], ['4', 'h4']), { cause: { message: 'no answer after 1000 ms' } })
  await until(() => redis.waits.length === 3)
  clock.advance(1_000)
  await late
  redis.waits[2]?.(1)
  const last = t.rejects(wait.confirm(['a', 'b'], ['5', 'h5']), { cause: { message: 'the adapter is closed' } })
  wait.reconnect()
  wait.close()
  await last
  t.strictSame(redis.calls.slice(-2), ['disconnect true', 'disconnect false'])
  t.equal(clock.pending, 0, 'no timer is left')
})

t.test('durable: a connection that leads to a replica is replaced, one that is being made is not', async (t) => {
  const redis = new FakeConnection()
  const wait = new ReplicaWait({
    redis: redis as unknown as Redis, clock: new FakeClock(), log: silentLog, replicas: undefined, timeoutMs: 1_000
  })
  t.teardown(() => wait.close())
  redis.answer = ['slave', 'host', 1, 'connected', 1]
  const cause = { message: 'this server is a replica itself' }
  await t.rejects(wait.confirm(['a', 'b'], ['1', 'h1']), { cause })
  t.strictSame(redis.calls, ['connect', 'a b 1 h1', 'disconnect true'])
  redis.status = 'connecting'
  wait.reconnect()
  t.equal(redis.calls.length, 3, 'ioredis would give the connection up while it asks the Sentinels')
})

t.test('durable: masters and durabilities have a connection each, until the master is none any more', async (t) => {
  const opened: Array<{ readonly name: string, readonly connection: FakeConnection }> = []
  let masters = ['a', 'b']
  const replicas = new Replicas({ clock: new FakeClock(), log: silentLog, keys: new Keys('p') }, {
    masters: () => masters,
    masterOf: (name) => name.split(':')[2]?.slice(0, 1),
    waiter: (master, blockMs) => {
      const connection = new FakeConnection()
      connection.wait = async (count) => count
      opened.push({ name: `${master} ${blockMs}`, connection })
      return connection as unknown as Redis
    }
  })
  const confirm = (channel: string, timeoutMs: number) =>
    replicas.confirm(channel, [{ id: '1', hash: 'h' }], { replicas: 1, timeoutMs })
  for (const channel of ['a', 'b', 'a']) for (const ms of [100, 200]) t.equal(await confirm(channel, ms), true)
  t.strictSame(opened.map(({ name }) => name), ['a 100', 'a 200', 'b 100', 'b 200'])
  masters = ['b', 'c']
  await confirm('c', 100)
  replicas.reconnect()
  const ended = opened.map(({ connection }) => connection.calls.at(-1))
  t.strictSame(ended.slice(0, 2), ['disconnect false', 'disconnect false'], 'those of the master that is gone')
  t.strictSame(ended.slice(2), ['disconnect true', 'disconnect true', 'disconnect true'])
})
