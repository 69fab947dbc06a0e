import t, { type Test } from 'tap'
import { Type } from '@sinclair/typebox'
import { defineChannel } from '../../lib/contract/define-channel.ts'
import { MemoryAdapter, MemoryHub } from '../../lib/memory/memory-adapter.ts'
import type { Envelope } from '../../lib/protocol/envelope.ts'
import { implement } from '../../lib/server/implement.ts'
import { TestClient } from '../../lib/testing/test-client.ts'
import type { ChannelsOptions, Room } from '../../plugins/channels.ts'
import { adapterWith } from '../support/adapter-with.ts'
import { down } from '../support/rooms.ts'
import { bearer, listen, makeApp } from '../support/serve.ts'

const wall = defineChannel({
  pattern: 'wall/:id',
  params: Type.Object({ id: Type.String() }),
  fromClient: { tell: { payload: Type.String() } },
  fromServer: { told: { payload: Type.String(), ephemeral: true }, kept: { payload: Type.String() } },
  history: { limit: 10, ttl: 60_000 }
})
const lounge = defineChannel({ pattern: 'lounge', fromClient: {}, fromServer: {} })

async function serve (t: Test, options: ChannelsOptions) {
  const { app, sink } = await makeApp(t, options)
  app.ws('/wall', {}, [
    implement(wall, { on: { tell: (ctx, text) => ctx.broadcast('told', text, { except: { userId: ctx.user.sub } }) } }),
    implement(lounge, { on: {} })
  ])
  const served = await listen(app, sink)
  const enter = async (name: string, ...channels: string[]) => {
    const client = await TestClient.connect(`${served.url}/wall`, [], bearer(served.token(name)))
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
    ['a//b', {}], ['', {}], [5, {}], [undefined, { limit: 0 }], [undefined, { limit: 1_001 }],
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
