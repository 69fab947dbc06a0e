import { setImmediate as turn } from 'node:timers/promises'
import { Type } from '@sinclair/typebox'
import t, { type Test } from 'tap'
import { systemClock } from '../../lib/clock.ts'
import { defineChannel } from '../../lib/contract/define-channel.ts'
import { MemoryAdapter, MemoryHub } from '../../lib/memory/memory-adapter.ts'
import { implement } from '../../lib/server/implement.ts'
import { refusal } from '../../lib/protocol/errors.ts'
import { FakeClock } from '../../lib/testing/fake-clock.ts'
import { TestClient } from '../../lib/testing/test-client.ts'
import { lab } from '../support/lab.ts'
import { Network } from '../support/network.ts'
import { Keys } from '../../lib/redis/keys.ts'
import { startRedis, type RedisServer } from '../support/redis.ts'
import { bearer, listen, makeApp, serveLab } from '../support/serve.ts'
import { until } from '../support/until.ts'
import type { ChannelsOptions } from '../../plugins/channels.ts'

const club = defineChannel({
  pattern: 'club/:name',
  params: Type.Object({ name: Type.String() }),
  fromClient: {},
  fromServer: {}
})

type Authorize = (name: string) => boolean | Promise<boolean>

/** A node whose `authorize` the test replaces. */
async function serveClub (t: Test, options: ChannelsOptions = {}) {
  const { app, sink } = await makeApp(t, options)
  const rights: { authorize: Authorize, asked: number } = { authorize: () => true, asked: 0 }
  app.ws('/club', {}, [implement(club, {
    authorize: ({ params }) => {
      rights.asked++
      return rights.authorize(params.name)
    },
    on: {}
  })])
  const served = await listen(app, sink)
  const connect = (name: string) => TestClient.connect(`${served.url}/club`, [], bearer(served.token(name)))
  return { ...served, rights, connect, node: app.channels.status().node }
}

/** A node with the lab, and its network to Redis. */
async function serveNode (t: Test, redis: RedisServer) {
  const network = await Network.open(t, redis.port)
  const served = await serveLab(t, { redis: { url: `redis://127.0.0.1:${network.port}` } })
  const { app } = served
  const node = app.channels.status().node
  await until(() => app.channels.status().state === 'up')
  /** Resolves once the calls of this node wait for `others`. */
  const knows = async (...others: string[]) => {
    const answered = async () => (await app.registry.nodes()).results.map(({ node }) => node)
    for (let nodes: string[] = []; others.some((other) => !nodes.includes(other));) nodes = await answered()
  }
  const enter = async (name: string, channel: string): Promise<TestClient> => {
    const client = await served.connect(name)
    await client.request('join', channel)
    return client
  }
  return { ...served, node, network, knows, enter, room: app.rooms.of(lab, { id: 'x' }) }
}

t.test('node requests: they reach a node that has just started', async (t) => {
  const redis = await startRedis(t)
  const a = await serveNode(t, redis)
  t.strictSame((await a.room.members()).missing, [], 'this node is alone')
  const b = await serveNode(t, redis)
  const [ann, bob, cy] = [await b.enter('ann', 'lab/x'), await b.enter('bob', 'lab/x'), await b.enter('cy', 'lab/x')]
  // Within 5 s of its last renewal, the first node has not seen the lease of the second one.
  t.strictSame(await a.room.remove({ userId: 'id-of-ann' }), { connections: 1, missing: [] })
  t.match(await ann.next('left'), { channel: 'lab/x' })
  t.strictSame(await a.app.registry.disconnect({ userId: 'id-of-bob' }), { connections: 1, missing: [] })
  t.match(await bob.closed, { code: 3003 })
  t.match(await a.room.members(), { results: [{ userId: 'id-of-cy' }], missing: [] })
  t.strictSame(await a.app.registry.revoke({ userId: 'id-of-cy' }, Date.now() + 9_000), { connections: 1, missing: [] })
  t.match(await cy.closed, { code: 3000 })
})

t.test('node requests: a node that is cut off is missing, and so are the others for it', async (t) => {
  const redis = await startRedis(t)
  const [a, b] = [await serveNode(t, redis), await serveNode(t, redis)]
  const alone = await serveLab(t, { redis: { url: 'redis://127.0.0.1:1' } })
  await a.knows(b.node)
  await b.knows(a.node)
  a.network.block()
  await until(() => a.app.channels.status().state === 'degraded')
  const calls = [
    b.app.rooms.reauthorize('id-of-ann'), b.room.remove({ userId: 'id-of-ann' }), b.room.members(),
    b.app.registry.disconnect({ userId: 'id-of-ann' }), b.app.registry.nodes()
  ]
  for (const { missing } of await Promise.all(calls)) t.strictSame(missing, [a.node])
  t.strictSame((await a.app.rooms.reauthorize('id-of-ann')).missing, [b.node])
  t.strictSame((await alone.app.rooms.reauthorize('id-of-ann')).missing, ['unknown'])
})

t.test('node requests: a node whose authorize hangs is missing after 1 s', async (t) => {
  const clock = new FakeClock()
  const hub = new MemoryHub(clock)
  const serve = () => serveClub(t, { adapter: new MemoryAdapter(hub), clock })
  const [a, b] = [await serve(), await serve()]
  const clients = [await a.connect('ann'), await b.connect('ann')]
  for (const client of clients) await client.request('join', 'club/jazz')
  a.rights.authorize = () => new Promise(() => {})
  for (const { app } of [a, b]) {
    const reauthorizing = app.rooms.reauthorize('id-of-ann')
    await turn()
    clock.advance(1_000)
    t.strictSame(await reauthorizing, { connections: 1, missing: [a.node] })
  }
})

/** Holds every `authorize` back until `answer` is called. `asked` resolves with the first one. */
function heldAuthorize (rights: { authorize: Authorize }) {
  let answer: (isAllowed: boolean) => void = () => {}
  const answered = new Promise<boolean>((resolve) => { answer = resolve })
  const asked = new Promise<void>((resolve) => {
    rights.authorize = () => {
      resolve()
      return answered
    }
  })
  return { held: { answer }, asked }
}

t.test('remove: a join that is under way is refused, and counted', async (t) => {
  const { app, rights, connect } = await serveClub(t)
  const room = app.rooms.of(club, { name: 'jazz' })
  for (const by of ['userId', 'connectionId'] as const) {
    const ann = await connect('ann')
    const { held, asked } = heldAuthorize(rights)
    const joining = ann.request('join', 'club/jazz')
    await asked
    const [info] = app.registry.ofUser('id-of-ann')
    const target = by === 'userId' ? { userId: 'id-of-ann' } : { connectionId: String(info?.id) }
    t.match(await app.rooms.of(club, { name: 'chess' }).remove(target), { connections: 0 }, 'of this channel alone')
    t.strictSame(await room.remove(target, 'banned'), { connections: 1, missing: [] })
    held.answer(true)
    t.match((await joining).payload, { code: 'forbidden' })
    t.strictSame([(await room.members()).results, app.rooms.size], [[], 0])
    rights.authorize = () => true
    t.match(await ann.request('join', 'club/jazz'), { type: 'ack' }, 'a later join asks again')
    await ann.close()
  }
})

t.test('reauthorize: calls during a check share one further check', async (t) => {
  const { app, rights, connect } = await serveClub(t)
  const ann = await connect('ann')
  for (const name of ['jazz', 'chess']) await ann.request('join', `club/${name}`)
  const { held, asked } = heldAuthorize(rights)
  const before = rights.asked
  const first = app.rooms.reauthorize('id-of-ann')
  await asked
  const others = Array.from({ length: 100 }, () => app.rooms.reauthorize('id-of-ann'))
  held.answer(true)
  rights.authorize = (name) => name === 'chess'
  await Promise.all([first, ...others].map((call) => call.catch(t.fail)))
  t.ok(rights.asked - before <= 4, `authorize was called ${rights.asked - before} times in 2 channels`)
  t.match(await ann.next('left'), { channel: 'club/jazz', payload: { code: 'forbidden' } })
})

t.test('reauthorize: an authorize that hangs delays no other channel, and is a no after handlerTimeout', async (t) => {
  const clock = new FakeClock()
  const { app, rights, connect, logged } = await serveClub(t, { clock, handlerTimeout: 5_000 })
  const ann = await connect('ann')
  for (const name of ['jazz', 'chess']) await ann.request('join', `club/${name}`)
  rights.authorize = (name) => name === 'jazz' ? new Promise(() => {}) : false
  const reauthorizing = app.rooms.reauthorize('id-of-ann')
  t.match(await ann.next('left'), { channel: 'club/chess' })
  clock.advance(5_000)
  t.match(await ann.next('left'), { channel: 'club/jazz', payload: { code: 'forbidden' } })
  t.match(await logged('authorize() failed'), { err: { code: 'timeout' } })
  await reauthorizing
})

t.test('reauthorize: a late answer about an ended membership does not end the next one', async (t) => {
  const { app, rights, connect } = await serveClub(t)
  const ann = await connect('ann')
  await ann.request('join', 'club/jazz')
  const { held, asked } = heldAuthorize(rights)
  const reauthorizing = app.rooms.reauthorize('id-of-ann')
  await asked
  rights.authorize = () => true
  await ann.request('leave', 'club/jazz')
  await ann.request('join', 'club/jazz')
  held.answer(false)
  await reauthorizing
  t.equal((await app.rooms.of(club, { name: 'jazz' }).members()).results.length, 1)
})

t.test('reauthorize: after an outage of Redis each node authorizes its members again', async (t) => {
  const redis = await startRedis(t)
  const network = await Network.open(t, redis.port)
  const a = await serveClub(t, { redis: { url: redis.url } })
  const b = await serveClub(t, { redis: { url: `redis://127.0.0.1:${network.port}` } })
  for (const { app } of [a, b]) await until(() => app.channels.status().state === 'up')
  const [ann, bob] = [await b.connect('ann'), await b.connect('bob')]
  await ann.request('join', 'club/jazz')
  await bob.request('join', 'club/chess')
  network.block()
  await until(() => b.app.channels.status().state === 'degraded')
  b.rights.authorize = (name) => name !== 'jazz'
  t.strictSame(await a.app.rooms.reauthorize('id-of-ann'), { connections: 0, missing: [b.node] })
  network.unblock()
  t.match(await ann.next('left'), { channel: 'club/jazz', payload: { code: 'forbidden' } })
  t.equal((await b.app.rooms.of(club, { name: 'chess' }).members()).results.length, 1, 'and nobody else is taken out')
})

t.test('revocations: they end by the clock of Redis, also on nodes whose clock is 2 h ahead', async (t) => {
  const redis = await startRedis(t)
  const hours = 3_600_000
  const clock = { ...systemClock, now: () => Date.now() + 2 * hours }
  const serve = async (options: ChannelsOptions = {}) => {
    const served = await serveClub(t, { redis: { url: redis.url }, ...options })
    await until(() => served.app.channels.status().state === 'up')
    return served
  }
  const statusOf = (attempt: Promise<unknown>) => attempt.then(() => 101, ({ status }: { status: number }) => status)
  const [right, ahead] = [await serve(), await serve({ clock })]
  await right.app.registry.revoke({ userId: 'id-of-ann' }, Date.now() + hours)
  await ahead.app.registry.revoke({ userId: 'id-of-bob' }, clock.now() + hours)
  const later = await serve({ clock })
  for (const served of [right, ahead, later]) {
    while (await statusOf(served.connect('bob')) === 101) await turn()
    t.equal(await statusOf(served.connect('ann')), 401)
    t.equal(await statusOf(served.connect('cy')), 101)
  }
  const stored = await redis.cli('ZRANGE', new Keys('fastify-channels').shared('revocations'), '0', '-1', 'WITHSCORES')
  const [ann, annEnds, bob, bobEnds] = (stored as string[]).flat()
  t.strictSame([ann, bob], ['user id-of-ann', 'user id-of-bob'])
  for (const ends of [annEnds, bobEnds]) t.ok(Math.abs(Number(ends) - Date.now() - hours) < 60_000)
})

t.test('sessionCheck: a check that hangs is not repeated meanwhile, and fails after handlerTimeout', async (t) => {
  const clock = new FakeClock()
  let calls = 0
  const check = () => {
    calls++
    return calls === 1 ? new Promise<boolean>(() => {}) : false
  }
  const sessionCheck = { interval: 1_000, check }
  const { connect, logged } = await serveClub(t, { clock, handlerTimeout: 5_000, sessionCheck })
  const ann = await connect('ann')
  for (let i = 0; i < 4; i++) clock.advance(1_000)
  t.equal(calls, 1)
  for (let i = 0; i < 2; i++) clock.advance(1_000)
  t.match(await logged("the option 'sessionCheck' failed: the connection stays open"), { err: { code: 'timeout' } })
  clock.advance(1_000)
  t.match(await ann.closed, { code: 3000 }, 'and the next check ends the session')
})

t.test('refresh: it has a rate of its own, and asks authorize at most once a channel and message', async (t) => {
  const { rights, connect, token } = await serveClub(t)
  const ann = await connect('ann')
  const names = Array.from({ length: 20 }, (_, i) => `club/${i}`)
  for (const name of names) await ann.request('join', name)
  const before = rights.asked
  const refreshes = Array.from({ length: 100 }, () => ann.request('refresh', undefined, { token: token('ann') }))
  const replies = await Promise.all(refreshes)
  t.equal(replies.filter(({ type }) => type === 'ack').length, 10)
  t.match(replies.at(-1)?.payload, { code: 'rate_limited', retryAfter: Number })
  t.ok(rights.asked - before <= 10 * names.length, `authorize was called ${rights.asked - before} times`)
  t.match(await ann.request('ping'), { type: 'ack' })
})

t.test('reauthorize: a node that was cut off asks the other nodes again after the outage', async (t) => {
  const redis = await startRedis(t)
  const network = await Network.open(t, redis.port)
  const a = await serveClub(t, { redis: { url: `redis://127.0.0.1:${network.port}` } })
  const b = await serveClub(t, { redis: { url: redis.url } })
  for (const { app } of [a, b]) await until(() => app.channels.status().state === 'up')
  const ann = await b.connect('ann')
  await ann.request('join', 'club/jazz')
  network.block()
  await until(() => a.app.channels.status().state === 'degraded')
  b.rights.authorize = () => false
  t.equal((await a.app.rooms.reauthorize('id-of-ann')).missing.length, 1)
  network.unblock()
  t.match(await ann.next('left'), { channel: 'club/jazz', payload: { code: 'forbidden' } })
})

t.test('disconnect: it reaches the upgrades of the user that are under way, on every node', async (t) => {
  const hub = new MemoryHub()
  const held: Record<string, () => void> = {}
  const hold = (at: unknown) => new Promise<void>((resolve) => { held[String(at)] = resolve })
  const { app, sink } = await makeApp(t, {
    adapter: new MemoryAdapter(hub),
    identify: async ({ headers: { 'x-user': id, 'x-hold': at } }) => {
      if (at === 'identify') await hold(at)
      return { id }
    }
  })
  app.ws('/ws', { preHandler: async ({ headers: { 'x-hold': at } }) => { if (at === 'hook') await hold(at) } }, [])
  const { url } = await listen(app, sink)
  const attempt = (user: string, at = '') =>
    TestClient.connect(`${url}/ws`, [], { headers: { 'x-user': user, 'x-hold': at } })
  const { app: other } = await makeApp(t, { adapter: new MemoryAdapter(hub) })
  const first = await attempt('ann')
  const inHook = attempt('ann', 'hook')
  await until(() => held.hook !== undefined)
  const inIdentify = attempt('ann', 'identify')
  await until(() => held.identify !== undefined)
  t.strictSame(await other.registry.disconnect({ userId: 'ann' }), { connections: 2, missing: [] })
  t.match(await first.closed, { code: 3003 })
  const [bob, next] = [await attempt('bob'), await attempt('ann')]
  held.hook?.()
  held.identify?.()
  t.match(await (await inHook).closed, { code: 3003 }, 'it was authenticated, and its hook was not done')
  t.match(await (await inIdentify).closed, { code: 3003 }, 'it was authenticated later')
  for (const later of [bob, next]) t.match(await later.request('ping'), { type: 'ack' }, 'others stay')
  t.strictSame(await app.registry.disconnect({ connectionId: 'unknown' }), { connections: 0, missing: [] })
})

t.test('authorize: a join for which it throws is forbidden, as any other that is not allowed', async (t) => {
  const { rights, connect, logged } = await serveClub(t)
  const ann = await connect('ann')
  const answer = async (authorize: Authorize) => {
    rights.authorize = authorize
    return (await ann.request('join', 'club/x', undefined, 'c')).payload
  }
  const forbidden = await answer(() => false)
  t.match(forbidden, { code: 'forbidden' })
  t.strictSame(await answer(() => { throw new Error('no database') }), forbidden)
  t.match(await logged('authorize() failed'), { level: 50, channel: 'club/x', err: { message: 'no database' } })
  t.strictSame(await answer(() => Promise.reject(refusal('rate_limited'))), forbidden)
  t.match(await answer(() => { throw refusal('unavailable') }), { code: 'unavailable' }, 'clients try again')
  t.notMatch(await answer(() => true), { code: /./ })
})
