import t, { type Test } from 'tap'
import { Type } from '@sinclair/typebox'
import { defineChannel } from '../../lib/contract/define-channel.ts'
import { MemoryAdapter, MemoryHub } from '../../lib/memory/memory-adapter.ts'
import { AdapterUnavailable, type Adapter } from '../../lib/cluster/adapter.ts'
import type { Envelope } from '../../lib/protocol/envelope.ts'
import { implement } from '../../lib/server/implement.ts'
import { FakeClock } from '../../lib/testing/fake-clock.ts'
import { TestClient } from '../../lib/testing/test-client.ts'
import type { ChannelsOptions, Room, WsOptions } from '../../plugins/channels.ts'
import { adapterWith } from '../support/adapter-with.ts'
import { down } from '../support/rooms.ts'
import { bearer, listen, makeApp } from '../support/serve.ts'
import { until } from '../support/until.ts'

const wall = defineChannel({
  pattern: 'wall/:id',
  params: Type.Object({ id: Type.String() }),
  fromClient: { tell: { payload: Type.String() } },
  fromServer: { told: { payload: Type.String(), ephemeral: true }, kept: { payload: Type.String() } },
  history: { limit: 10, ttl: 60_000 }
})
const stage = defineChannel({ pattern: 'stage', presence: Type.Object({}), fromClient: {}, fromServer: {} })
const lounge = defineChannel({ pattern: 'lounge', fromClient: {}, fromServer: {} })

async function serve (t: Test, options: ChannelsOptions) {
  const { app, sink } = await makeApp(t, options)
  await app.register(async (app) => {
    app.ws('/other', { public: true, metadata: () => ({}) }, [])
  }, { prefix: '/v1' })
  app.ws('/wall', { metadata: ({ headers }) => ({ device: String(headers['x-device']), beta: true }) }, [
    implement(wall, { on: { tell: (ctx, text) => ctx.broadcast('told', text, { except: { userId: ctx.user.sub } }) } }),
    implement(lounge, { on: {} }),
    implement(stage, { on: {}, presence: () => ({}) })
  ])
  const served = await listen(app, sink)
  const enter = async (name: string, ...channels: string[]) => {
    const headers = { ...bearer(served.token(name)).headers, 'x-device': name === 'ann' ? 'phone' : 'desk' }
    const client = await TestClient.connect(`${served.url}/wall`, [], { headers })
    for (const channel of channels) await client.request('join', channel)
    return client
  }
  return { ...served, enter, room: (id: string) => app.rooms.of(wall, { id }) }
}

async function twoNodes (t: Test) {
  const hub = new MemoryHub()
  const node = () => serve(t, { adapter: new MemoryAdapter(hub) })
  return [await node(), await node()] as const
}

/** What a client received up to now. */
async function received (client: TestClient): Promise<Array<[string | undefined, unknown]>> {
  await client.request('ping')
  return client.log.filter(({ type }) => type === 'told').map(({ channel, payload }: Envelope) => [channel, payload])
}

t.test('rooms.broadcast: each connection of several rooms gets it once, under the first of them', async (t) => {
  const [a, b] = await twoNodes(t)
  const clients = [
    await a.enter('ann', 'wall/1', 'wall/2'), await a.enter('bob', 'wall/2'), await b.enter('cy', 'wall/3', 'wall/2'),
    await b.enter('dan', 'wall/3', 'wall/1'), await b.enter('eve', 'wall/4'), await b.enter('bob', 'wall/3', 'wall/2')
  ]
  const rooms = ['1', '2', '1', '3', 'empty'].map(a.room)
  await a.app.rooms.broadcast(rooms, 'told', 'all')
  await a.app.rooms.broadcast(rooms, 'told', 'not bob', { except: { userId: 'id-of-bob' } })
  await a.app.rooms.broadcast(rooms.slice(0, 0), 'told', 'nobody')
  const both = (channel: string) => [[channel, 'all'], [channel, 'not bob']]
  t.strictSame(await Promise.all(clients.map(received)), [
    both('wall/1'), [['wall/2', 'all']], both('wall/2'), both('wall/1'), [], [['wall/2', 'all']]
  ])
})

t.test('rooms.broadcast: a wrong room, type or payload, and too many rooms, are refused before a message is sent',
  async (t) => {
    const a = await serve(t, {})
    const ann = await a.enter('ann', 'wall/1')
    const rooms = [a.room('1'), a.room('2')]
    const { broadcast } = a.app.rooms
    const call = (...args: unknown[]) => Promise.resolve(Reflect.apply(broadcast, a.app.rooms, args))
    const lobby = a.app.rooms.of(lounge) as unknown as Room<typeof wall.definition>
    const usage = { code: 'FST_CHANNELS_USAGE' }
    await t.rejects(call(['wall/1'], 'told', 'x'), usage, 'an address')
    await t.rejects(call(rooms[0], 'told', 'x'), usage, 'no array')
    await t.rejects(call(rooms, 'kept', 'x'), usage, 'a persistent message')
    await t.rejects(call([...rooms, lobby], 'told', 'x'), usage, 'a contract without the type')
    await t.rejects(call(rooms, 'told', 5), { code: 'FST_CHANNELS_OUTGOING' })
    await t.rejects(call(rooms, 'told', 'x', { except: {} }), usage, 'nobody')
    await t.rejects(call(Array.from({ length: 101 }, (_, i) => a.room(`${i}`)), 'told', 'x'), usage)
    t.strictSame(await received(ann), [])
  })

t.test('broadcast: with `except: { userId }` no connection of the user gets it, on any node', async (t) => {
  const [a, b] = await twoNodes(t)
  const clients = await Promise.all([a.enter('ann', 'wall/1'), b.enter('ann', 'wall/1'), b.enter('bob', 'wall/1')])
  await clients[0]?.request('tell', 'wall/1', 'hello')
  await b.room('1').broadcast('told', 'you', { except: { userId: 'id-of-bob' } })
  t.strictSame(await Promise.all(clients.map(received)), [
    [['wall/1', 'you']], [['wall/1', 'you']], [['wall/1', 'hello']]
  ])
})

t.test('broadcast: with `except` a connection of another node does not get it', async (t) => {
  const [a, b] = await twoNodes(t)
  const [ann, bob] = [await b.enter('ann', 'wall/1'), await b.enter('bob', 'wall/1')]
  const { connectionId: id } = (await a.room('1').members()).results.find(({ userId }) => userId === 'id-of-ann')!
  await a.room('1').broadcast('told', 'hello', { except: { id } })
  t.strictSame(await Promise.all([ann, bob].map(received)), [[], [['wall/1', 'hello']]])
})

t.test('rooms.list: the channels with members of every node, in pages', async (t) => {
  const [a, b] = await twoNodes(t)
  await a.enter('ann', 'wall/b', 'wall/a', 'lounge')
  await b.enter('bob', 'wall/c', 'wall/b')
  const { rooms } = a.app
  const found = (...sizes: Array<[string, number]>) => sizes.map(([channel, connections]) => ({ channel, connections }))
  const all = found(['lounge', 1], ['wall/a', 1], ['wall/b', 2], ['wall/c', 1])
  t.strictSame(await rooms.list(), { results: all, missing: [] })
  t.strictSame(await rooms.list('wall/:id'), { results: all.slice(1), missing: [] })
  t.strictSame(await rooms.list('wall/b'), { results: found(['wall/b', 2]), missing: [] })
  t.strictSame(await rooms.list('hall/:id'), { results: [], missing: [] })
  const first = await rooms.list('wall/:id', { limit: 2 })
  t.strictSame(first, { results: all.slice(1, 3), missing: [], cursor: 'wall/b' })
  const second = await rooms.list('wall/:id', { limit: 2, cursor: first.cursor })
  t.strictSame(second, { results: all.slice(3), missing: [] })
  t.strictSame(await rooms.list(undefined, { limit: 4 }), { results: all, missing: [] }, 'exactly one page')
})

t.test('rooms.list: a wrong pattern, limit or cursor is refused', async (t) => {
  const { app: { rooms } } = await serve(t, {})
  const wrong: ReadonlyArray<readonly [unknown, unknown]> = [
    ['a//', {}], ['a b//c', {}], ['a///b', {}], ['//b', {}], ['', {}], [5, {}], [undefined, { limit: 0 }],
    [undefined, { limit: 1_001 }],
    [undefined, { limit: '5' }], [undefined, { cursor: 5 }]
  ]
  for (const [pattern, options] of wrong) {
    await t.rejects(rooms.list(pattern as string, options as object), { code: 'FST_CHANNELS_USAGE' })
  }
})

t.test('room.history: pages of older messages, with the types of the contract', async (t) => {
  const [a, b] = await twoNodes(t)
  for (let i = 1; i <= 12; i++) await a.room('1').broadcast('kept', `${i}`)
  const newest = await b.room('1').history({ limit: 4 })
  t.strictSame(newest.messages.map(({ payload }) => payload), ['9', '10', '11', '12'])
  t.match(newest, { position: { offset: 12, epoch: String }, hasMore: true, messages: [{ type: 'kept', offset: 9 }] })
  const older = await b.room('1').history({ before: newest.messages[0]?.offset })
  t.strictSame([older.messages.map(({ payload }) => payload), older.hasMore], [['3', '4', '5', '6', '7', '8'], false])
  for (const wrong of [{ before: 1.5 }, { before: '5' }, { limit: 0 }, { limit: 101 }, { limit: '5' }]) {
    await t.rejects(a.room('1').history(wrong as never), { code: 'FST_CHANNELS_USAGE' })
  }
  await t.rejects(a.app.rooms.of(lounge).history(), { code: 'FST_CHANNELS_USAGE' }, 'a channel without a history')
})

t.test('room.clear: members of every node start again with an empty history of a new epoch', async (t) => {
  const [a, b] = await twoNodes(t)
  await a.room('1').broadcast('kept', 'old')
  const clients = [await a.enter('ann', 'wall/1'), await b.enter('bob', 'wall/1')]
  t.strictSame(await a.room('1').clear(), { missing: [] })
  for (const client of clients) {
    t.match(await client.next('resync'), { payload: { reason: 'epoch', offset: 0, messages: [] } })
  }
  const { offset } = await b.room('1').broadcast('kept', 'new')
  t.equal(offset, 1)
  for (const client of clients) t.match(await client.next('kept'), { payload: 'new', offset: 1 })
  await t.rejects(a.app.rooms.of(lounge).clear(), { code: 'FST_CHANNELS_USAGE' }, 'a channel without a history')
})

t.test('room.clear: it rejects with `unavailable` while the history cannot be reached', async (t) => {
  const { room } = await serve(t, { adapter: adapterWith({ history: { clear: down, readBefore: down } }) })
  await t.rejects(room('1').clear(), { code: 'unavailable' })
  await t.rejects(room('1').history(), { code: 'unavailable' })
})

t.test('rooms: an error of the adapter is logged, and the cause of `unavailable`', async (t) => {
  const cause = new Error('WRONGTYPE')
  const broken = async () => { throw cause }
  const adapter = adapterWith({ history: { append: broken }, presence: { count: broken } })
  const { app, room, log } = await serve(t, { adapter })
  await t.rejects(room('1').broadcast('kept', 'text'), { code: 'unavailable', statusCode: 503, cause })
  await t.rejects(app.rooms.of(stage).count(), { code: 'unavailable', statusCode: 503, cause })
  const lines = log.filter(({ level }) => level === 40)
    .map(({ msg, channel, err }) => [msg, channel, (err as Error).message])
  t.strictSame(lines, [
    ['the history of a channel cannot be reached', 'wall/1', 'WRONGTYPE'],
    ['the presence of a channel cannot be reached', 'stage', 'WRONGTYPE']
  ])
})

t.test('rooms: an outage that the status of the adapter tells is not logged again', async (t) => {
  const away = async () => { throw new AdapterUnavailable('away') }
  const adapter = adapterWith({ presence: { count: away } })
  const { app, log } = await serve(t, { adapter })
  await t.rejects(app.rooms.of(stage).count(), { code: 'unavailable', statusCode: 503 })
  t.strictSame(log.filter(({ level }) => level === 40), [])
})

t.test('room.close: everyone on every node leaves, with a code', async (t) => {
  const [a, b] = await twoNodes(t)
  const clients = [await a.enter('ann', 'wall/1', 'wall/2'), await b.enter('bob', 'wall/1')]
  t.strictSame(await a.room('1').close(), { connections: 2, missing: [] })
  for (const client of clients) t.match(await client.next('left'), { channel: 'wall/1', payload: { code: 'closed' } })
  t.strictSame(await b.room('2').close('moved'), { connections: 1, missing: [] })
  t.match(await clients[0]?.next('left'), { channel: 'wall/2', payload: { code: 'moved' } })
  t.match(await clients[1]?.request('join', 'wall/1'), { type: 'ack' }, 'they may join again')
  await t.rejects(a.room('1').close(''), { code: 'FST_CHANNELS_USAGE' })
})

t.test('registry.list: the connections of every node that match a filter, in pages', async (t) => {
  const [a, b] = await twoNodes(t)
  const since = Date.now()
  await a.enter('ann', 'wall/1')
  await b.enter('ann')
  await b.enter('bob', 'wall/1')
  await TestClient.connect(`${b.url}/v1/other`)
  const { registry } = a.app
  const node = b.app.channels.status().node
  const count = async (...args: Parameters<typeof registry.list>) => {
    const { results, missing } = await registry.list(...args)
    t.strictSame(missing, [])
    return results.length
  }
  t.equal(await count(), 4)
  t.equal(await count({ userId: 'id-of-ann' }), 2)
  t.equal(await count({ channel: 'wall/1' }), 2)
  t.equal(await count({ route: '/v1/other' }), 1)
  t.equal(await count({ node }), 3)
  t.equal(await count({ metadata: { device: 'phone', beta: true } }), 2)
  t.equal(await count({ userId: 'id-of-ann', channel: 'wall/1', node }), 0, 'every member has to match')
  t.equal(await count({ metadata: { beta: false } }), 0)
  const { results: [bob] } = await registry.list({ userId: 'id-of-bob' })
  t.match(bob, {
    connectionId: /^[0-9a-f-]{36}$/, node, route: '/wall', ip: '127.0.0.1', metadata: { device: 'desk', beta: true }
  })
  t.ok(Number(bob?.connectedAt) >= since && Number(bob?.lastSeen) >= since)
  const first = await registry.list({}, { limit: 3 })
  const second = await registry.list({}, { limit: 3, cursor: first.cursor })
  const ids = [...first.results, ...second.results].map(({ connectionId }) => connectionId)
  t.strictSame([ids, second.cursor], [[...new Set(ids)].sort(), undefined], 'each once')
  t.equal(ids.length, 4)
})

t.test('registry.list: a wrong filter lists nothing', async (t) => {
  const { app: { registry } } = await serve(t, {})
  const wrong = [
    null, 'ann', { user: 'ann' }, { userId: 7 }, { channel: null }, { metadata: [] }, { metadata: { a: {} } }
  ]
  for (const filter of wrong) await t.rejects(registry.list(filter as never), { code: 'FST_CHANNELS_USAGE' })
  t.strictSame((await registry.list({ userId: undefined as never })).results, [])
})

t.test('metadata: what is no flat object of 512 bytes refuses the upgrade with 500', async (t) => {
  const { app, sink } = await makeApp(t)
  const values: unknown[] = [[], 'x', { a: { b: 1 } }, { a: null }, { a: Number.NaN }, { a: 'x'.repeat(600) }]
  for (const [i, value] of values.entries()) app.ws(`/m${i}`, { public: true, metadata: () => value as never }, [])
  app.ws('/none', { public: true, metadata: () => undefined as never }, [])
  const { url } = await listen(app, sink)
  for (const i of values.keys()) await t.rejects(TestClient.connect(`${url}/m${i}`), { message: /500/ })
  t.ok(await TestClient.connect(`${url}/none`))
  t.match(app.registry.all(), [{ route: '/none', metadata: {} }])
})

const team = defineChannel({
  pattern: 'team/:id',
  params: Type.Object({ id: Type.String() }),
  fromClient: { rename: { payload: Type.Unknown() }, later: {} },
  fromServer: {},
  presence: Type.Object({ name: Type.String() })
})

/** A team whose members may change what others see of them. */
async function serveTeam (t: Test, adapter: Adapter) {
  const { app, sink } = await makeApp(t, { adapter })
  const left: unknown[] = []
  app.ws('/team', {}, [
    implement(team, {
      presence: (ctx) => ({ name: ctx.user.name }),
      left: (ctx) => ctx.updatePresence({ name: 'a ghost' }).catch((error: unknown) => { left.push(error) }),
      on: {
        rename: (ctx, name) => ctx.updatePresence({ name: name as string }),
        // @ts-expect-error: the data need a name
        later: (ctx) => ctx.updatePresence({})
      }
    }),
    // @ts-expect-error: the channel has no presence
    implement(lounge, { joined: (ctx) => ctx.updatePresence({ name: 'x' }), on: {} })
  ])
  const served = await listen(app, sink)
  const enter = async (name: string, channel = 'team/1') => {
    const client = await TestClient.connect(`${served.url}/team`, [], bearer(served.token(name)))
    return { client, ack: await client.request('join', channel) }
  }
  return { ...served, left, enter, room: app.rooms.of(team, { id: '1' }) }
}

t.test('ctx.updatePresence: members of every node see the new data, and the user never leaves', async (t) => {
  const hub = new MemoryHub()
  const [a, b] = [await serveTeam(t, new MemoryAdapter(hub)), await serveTeam(t, new MemoryAdapter(hub))]
  const [{ client: ann }, { client: bob }] = [await a.enter('ann'), await b.enter('bob')]
  await ann.next('presence')
  for (const name of ['Anna', 'Anne']) t.match(await ann.request('rename', 'team/1', name), { type: 'ack' })
  const changes = []
  while (!JSON.stringify(changes).includes('Anne')) changes.push((await bob.next('presence')).payload)
  t.notOk(changes.some((change) => 'left' in Object(change)))
  t.match((await b.enter('cy')).ack.payload, { presence: [{ data: { name: 'Anne' } }, { data: { name: 'bob' } }, {}] })
  t.equal(await a.room.count(), 3)
  await ann.close()
  while (!changes.some((change) => 'left' in Object(change))) changes.push((await bob.next('presence')).payload)
  t.strictSame(await hub.presenceList('team/1').entries.map(({ user }) => user), ['id-of-bob', 'id-of-cy'])
  t.match(a.left, [{ code: 'not_joined' }], 'a former member does not come back')
})

t.test('ctx.updatePresence: wrong data, no presence and an adapter that is away are refused', async (t) => {
  const { enter, logged } = await serveTeam(t, new MemoryAdapter())
  const { client } = await enter('ann')
  t.match(await client.request('rename', 'team/1', 5), { payload: { code: 'internal' } })
  t.match(await client.request('later', 'team/1'), { payload: { code: 'internal' } })
  await client.request('join', 'lounge')
  t.match((await logged('a handler failed')).err, { code: 'FST_CHANNELS_OUTGOING' })
  const enters = [async () => {}, down]
  const adapter = adapterWith({ presence: { enter: async () => enters.shift()?.() } })
  const { client: bob } = await (await serveTeam(t, adapter)).enter('bob')
  t.match(await bob.request('rename', 'team/1', 'Bobby'), { payload: { code: 'unavailable' } })
})

const den = defineChannel({
  pattern: 'den/:id',
  params: Type.Object({ id: Type.String() }),
  fromClient: { say: { payload: Type.String() } },
  fromServer: { said: { payload: Type.String() }, hint: { payload: Type.String(), ephemeral: true } },
  presence: Type.Object({ name: Type.String() }),
  history: { limit: 10, ttl: 60_000 }
})

type Den = Parameters<typeof implement<typeof den.definition>>[1]

/** A node with dens, and with a route that has none. What a call of `connected` does is up to the test. */
async function serveDen (t: Test, options: ChannelsOptions = {}, behaviour: Partial<Den> = {}, route: WsOptions = {}) {
  const { app, sink } = await makeApp(t, options)
  app.ws('/den', route, [
    implement(den, {
      presence: (ctx) => ({ name: ctx.user.name }),
      on: { say: async (ctx, text) => { await ctx.broadcast('said', text) } },
      ...behaviour
    }),
    implement(wall, { on: { tell: () => {} } })
  ])
  app.ws('/other', [implement(lounge, { on: {} })])
  const served = await listen(app, sink)
  const enter = (name: string, path = '/den') =>
    TestClient.connect(served.url + path, [], bearer(served.token(name)))
  return { ...served, enter, room: (id: string) => app.rooms.of(den, { id }) }
}

t.test('room.add: all connections of a user join, on every node, where authorize allows it', async (t) => {
  const hub = new MemoryHub()
  const calls: string[] = []
  const behaviour: Partial<Den> = {
    authorize: ({ params, user }) => params.id !== 'secret' && user.name !== 'mallory',
    joined: (ctx) => { calls.push(`joined ${ctx.user.name}`) },
    left: (ctx, reason) => { calls.push(`left ${ctx.user.name} ${reason}`) }
  }
  const a = await serveDen(t, { adapter: new MemoryAdapter(hub) }, behaviour)
  const b = await serveDen(t, { adapter: new MemoryAdapter(hub) }, behaviour)
  const anns = [await a.enter('ann'), await b.enter('ann')]
  const [other, bob, mallory] = [await a.enter('ann', '/other'), await b.enter('bob'), await b.enter('mallory')]
  await bob.request('join', 'den/1')
  await bob.request('say', 'den/1', 'before')
  const ann = { userId: 'id-of-ann' }
  t.strictSame(await a.room('1').add(ann), { connections: 2, missing: [] })
  for (const client of anns) {
    t.match(await client.next('joined'), {
      channel: 'den/1',
      payload: {
        presence: [{ user: 'id-of-bob', data: { name: 'bob' } }, { user: 'id-of-ann', data: { name: 'ann' } }],
        recovered: false,
        reason: 'fresh',
        offset: 1,
        messages: [{ payload: 'before', offset: 1 }]
      }
    })
  }
  t.match(await bob.next('presence'), { payload: { joined: [{ user: 'id-of-ann' }] } })
  await bob.request('say', 'den/1', 'after')
  for (const client of anns) t.match(await client.next('said'), { payload: 'after', offset: 2 })
  t.match(await anns[0]?.request('say', 'den/1', 'hello'), { type: 'ack' }, 'they may send')

  t.strictSame(await b.room('1').add(ann), { connections: 2, missing: [] }, 'those that are in it count')
  t.strictSame(await a.room('secret').add(ann), { connections: 0, missing: [] })
  t.strictSame(await a.room('1').add({ userId: 'id-of-mallory' }), { connections: 0, missing: [] })
  t.strictSame(await a.room('1').add({ userId: 'id-of-nobody' }), { connections: 0, missing: [] })
  for (const client of [...anns, other, mallory]) await client.request('ping')
  const joinedCount = ({ log }: TestClient) => log.filter(({ type }) => type === 'joined').length
  t.strictSame([...anns, other, mallory].map(joinedCount), [1, 1, 0, 0])
  const { channel, error } = await b.logged('a connection was not added to a channel')
  t.match({ channel, error }, { channel: 'den/secret', error: { code: 'forbidden' } })

  t.strictSame(await b.room('1').remove(ann, 'over'), { connections: 2, missing: [] })
  for (const client of anns) t.match(await client.next('left'), { payload: { code: 'over' } })
  await until(() => calls.length === 5)
  t.strictSame(calls.toSorted(), [
    'joined ann', 'joined ann', 'joined bob', 'left ann removed', 'left ann removed'
  ])
})

t.test('room.add: reauthorize applies, and one connection may be named', async (t) => {
  let isAllowed = true
  const { enter, room, app } = await serveDen(t, {}, { authorize: () => isAllowed })
  const [ann, second] = [await enter('ann'), await enter('ann')]
  const { connectionId } = await second.welcome
  t.strictSame(await room('1').add({ connectionId }), { connections: 1, missing: [] })
  await second.next('joined')
  isAllowed = false
  t.match(await app.rooms.reauthorize('id-of-ann'), { connections: 2 })
  t.match(await second.next('left'), { payload: { code: 'forbidden' } })
  t.notOk(ann.log.some(({ type }) => type === 'joined'))
  for (const target of [null, {}, { userId: 7 }]) {
    await t.rejects(room('1').add(target as never), { code: 'FST_CHANNELS_USAGE' })
  }
})

t.test('room.add: the limit of channels counts, and a failed function of the application is logged', async (t) => {
  const { enter, room, logged } = await serveDen(t, { limits: { channels: 2 } }, {
    joined: ({ params }) => { if (params.id === 'b') throw new Error('on purpose') },
    presence: ({ params }) => {
      if (params.id === 'a') throw new Error('no data')
      return { name: 'x' }
    }
  })
  const ann = await enter('ann')
  const add = async (id: string) => (await room(id).add({ userId: 'id-of-ann' })).connections
  t.equal(await add('a'), 0, 'presence failed')
  t.match((await logged('adding a connection to a channel failed')).err, { message: 'no data' })
  t.equal(await add('b'), 1, 'joined failed, but the connection is a member')
  t.equal(await add('c'), 1)
  t.equal(await add('d'), 0)
  t.match((await logged('a connection was not added to a channel')).error, { code: 'too_many_channels' })
  await ann.request('leave', 'den/b')
  t.equal(await add('d'), 1, 'a leave makes room')
})

t.test('room.add: a route may add a connection in `connected` while its client joins the same channel', async (t) => {
  const added: unknown[] = []
  const served = await serveDen(t, {}, {}, {
    connected: async ({ connection }) => {
      await until(() => connection.messagesIn === 2)
      for (const id of ['1', '2']) added.push(await served.room(id).add({ id: connection.id }))
    }
  })
  await served.room('1').broadcast('said', 'one')
  const { position } = await served.room('1').read()
  await served.room('1').broadcast('said', 'two')
  const ann = await served.enter('ann')
  const [ack, wrong] = [
    ann.request('join', 'den/1', { since: position }), ann.request('join', 'den/2', { since: 5 })
  ]
  t.match(await ack, {
    type: 'ack', payload: { recovered: true, messages: [{ payload: 'two' }], presence: [{ user: 'id-of-ann' }] }
  })
  t.match(await wrong, { payload: { code: 'invalid_payload' } })
  t.strictSame(added, [{ connections: 1, missing: [] }, { connections: 1, missing: [] }])
  const first = ann.log.slice(0, 2).map(({ type, channel }) => [type, channel])
  t.strictSame(first, [['joined', 'den/1'], ['joined', 'den/2']])
  t.match(await ann.request('join', 'den/1'), { payload: { recovered: false, offset: 2 } }, 'as often as it likes')
  await served.room('1').broadcast('hint', 'three')
  await ann.request('ping')
  t.equal(ann.log.filter(({ type }) => type === 'hint').length, 1, 'each message comes once')
  t.strictSame((await served.room('1').members()).results.length, 1)
})

t.test('room.add: a channel without presence, and one whose history cannot be reached', async (t) => {
  let isDown = false
  const adapter = new MemoryAdapter()
  const { read } = adapter.history
  adapter.history.read = (...args) => isDown ? down() : read.apply(adapter.history, args)
  const { enter, app } = await serveDen(t, { adapter })
  const ann = await enter('ann')
  const walls = ['1', '2'].map((id) => app.rooms.of(wall, { id }))
  t.match(await walls[0]?.add({ userId: 'id-of-ann' }), { connections: 1 })
  const { payload } = await ann.next('joined')
  t.notOk('presence' in (payload as object))
  t.match(await ann.request('join', 'wall/1'), { type: 'ack', payload: { offset: 0 } })
  isDown = true
  t.match(await walls[1]?.add({ userId: 'id-of-ann' }), { connections: 0 })
  const future = { epoch: (payload as { epoch: string }).epoch, offset: 7, hash: 'x' }
  t.match(await ann.request('join', 'wall/1', { since: future }), { payload: { code: 'unavailable' } })
})

t.test('room.add: a removal during a join of the added client answers it with forbidden', async (t) => {
  const doors: Array<() => void> = []
  let isSlow = false
  const { enter, room } = await serveDen(t, {}, {
    presence: async (ctx) => {
      if (isSlow) await new Promise<void>((resolve) => doors.push(resolve))
      return { name: ctx.user.name }
    }
  })
  const ann = await enter('ann')
  await room('1').add({ userId: 'id-of-ann' })
  isSlow = true
  const joining = ann.request('join', 'den/1')
  await until(() => doors.length === 1)
  await room('1').remove({ userId: 'id-of-ann' })
  doors[0]?.()
  t.match(await joining, { type: 'error', payload: { code: 'forbidden' } })
  isSlow = false
  await room('1').add({ userId: 'id-of-ann' })
  t.match(await ann.request('join', 'den/1'), { type: 'ack', payload: { presence: [{ user: 'id-of-ann' }] } })
  t.equal(await room('1').count(), 1)
})

t.test('room.add: nothing remains of one that is removed, takes too long, or whose connection closes', async (t) => {
  const clock = new FakeClock(Date.now())
  const doors: Array<(isAllowed: boolean) => void> = []
  const { enter, room, app } = await serveDen(t, { clock, handlerTimeout: 5_000 }, {
    authorize: () => new Promise((resolve) => doors.push(resolve))
  })
  const asked = async (count: number) => { await until(() => doors.length === count) }
  const [ann, bob, cy] = [await enter('ann'), await enter('bob'), await enter('cy')]
  const add = (name: string) => room('1').add({ userId: `id-of-${name}` })

  const adding = add('ann')
  await asked(1)
  await ann.close()
  await until(() => app.registry.size === 2)
  doors[0]?.(true)
  t.strictSame(await adding, { connections: 0, missing: [] })

  const removed = add('bob')
  await asked(2)
  t.match(await room('1').remove({ userId: 'id-of-bob' }), { connections: 1 })
  doors[1]?.(true)
  t.strictSame(await removed, { connections: 0, missing: [] })

  const slow = add('cy')
  await asked(3)
  clock.advance(1_000)
  t.strictSame(await slow, { connections: 0, missing: [app.channels.status().node] }, 'this node has not answered')
  clock.advance(4_000)
  const late = add('cy')
  await asked(4)
  doors[2]?.(true)
  doors[3]?.(true)
  t.strictSame(await late, { connections: 1, missing: [] }, 'the next one does not wait for it')
  t.equal((await cy.next('joined')).channel, 'den/1')
  await bob.request('ping')
  t.notOk(bob.log.some(({ type }) => type === 'joined'))
  t.match(await room('1').members(), { results: [{ userId: 'id-of-cy' }] })
  await cy.request('leave', 'den/1')
  await until(() => app.channels.status().rooms === 0)
})

t.test('rooms.of: a process without routes publishes, reads, lists and removes', async (t) => {
  const hub = new MemoryHub()
  const served = await serve(t, { adapter: new MemoryAdapter(hub) })
  const { app: worker } = await makeApp(t, { adapter: new MemoryAdapter(hub) })
  await worker.ready()
  const ann = await served.enter('ann', 'wall/1')
  const room = worker.rooms.of(wall, { id: '1' })
  t.match(await room.broadcast('kept', 'from a worker'), { offset: 1 })
  t.match(await ann.next('kept'), { payload: 'from a worker', offset: 1 })
  await room.broadcast('told', 'hello')
  t.match(await ann.next('told'), { payload: 'hello' })
  t.match(await room.history(), { messages: [{ payload: 'from a worker' }] })
  t.match(await room.members(), { results: [{ userId: 'id-of-ann' }] })
  t.match(await worker.rooms.list(), { results: [{ channel: 'wall/1' }] })
  t.throws(() => worker.rooms.of(wall, { id: 5 } as never), { code: 'FST_CHANNELS_PARAMS', statusCode: 400 })
  t.equal((await room.remove({ userId: 'id-of-ann' })).connections, 1)
  t.match(await ann.next('left'), { payload: { code: 'removed' } })
  t.throws(() => worker.registry.ofUser(7 as never), { code: 'FST_CHANNELS_USAGE' })
})
