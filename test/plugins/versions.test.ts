import t, { type Test } from 'tap'
import { Type } from '@sinclair/typebox'
import { WebSocket } from 'ws'
import { connect } from '../../lib/client/index.ts'
import { defineChannel } from '../../lib/contract/define-channel.ts'
import { implement } from '../../lib/server/implement.ts'
import { TestClient } from '../../lib/testing/test-client.ts'
import { closeEvents, type ChannelsOptions } from '../../plugins/channels.ts'
import { startRedis } from '../support/redis.ts'
import { bearer, listen, makeApp } from '../support/serve.ts'
import { until } from '../support/until.ts'

const text = { text: Type.String() }
const common = { presence: Type.Object({ name: Type.String() }), history: { limit: 10, ttl: 60_000 } }
const poke = { rateLimit: { max: 1, timeWindow: 60_000 } }
const poked = { ephemeral: true } as const
const first = {
  pattern: 'chat/:room',
  params: Type.Object({ room: Type.String() }),
  fromClient: { say: { payload: Type.Object(text), reply: Type.String(), idempotent: true }, poke },
  fromServer: { said: { payload: Type.Object(text) }, poked },
  ...common
} as const
const said = Type.Object({ ...text, mood: Type.Optional(Type.String()) })
/** It has a further member, a further message, and another name of a param. */
const second = {
  pattern: 'chat/:id',
  params: Type.Object({ id: Type.String() }),
  fromClient: {
    say: { payload: said, reply: Type.String(), idempotent: true }, poke, like: { payload: Type.Integer() }
  },
  fromServer: { said: { payload: said }, poked, liked: { payload: Type.Integer() } },
  ...common
} as const

const own1 = defineChannel(first)
const own2 = defineChannel({ ...second, namespace: 'v2' })
const shared1 = defineChannel({ ...first, shared: true })
const shared2 = defineChannel({ ...second, shared: true })

/** The first version at /v1/ws, the second at /v2/ws. `hooked`: what the hooks of each saw. */
async function serve (
  t: Test, options: ChannelsOptions, v1: typeof own1 | typeof shared1, v2: typeof own2 | typeof shared2
) {
  const hooked: string[] = []
  const { app, sink } = await makeApp(t, options)
  const presence = ({ user }: { readonly user: unknown }) => ({ name: (user as { name: string }).name })
  app.ws('/v1/ws', [implement(v1 as typeof own1, {
    presence,
    onAppend: ({ type }, { channel, params: { room } }) => { hooked.push(`v1 ${channel} ${room} ${type}`) },
    on: {
      say: async (ctx, { text }) => {
        await ctx.broadcast('said', { text })
        return `v1 ${text}`
      },
      poke: (ctx) => ctx.broadcast('poked', undefined)
    }
  })])
  app.ws('/v2/ws', [implement(v2 as typeof own2, {
    presence,
    onAppend: ({ type }, { channel, params: { id } }) => { hooked.push(`v2 ${channel} ${id} ${type}`) },
    on: {
      say: async (ctx, message) => {
        await ctx.broadcast('said', message)
        return `v2 ${message.text}`
      },
      poke: (ctx) => ctx.broadcast('poked', undefined),
      like: async (ctx, offset) => { await ctx.broadcast('liked', offset) }
    }
  })])
  const served = await listen(app, sink)
  await until(() => app.channels.status().state === 'up')
  const enter = async (route: 'v1' | 'v2', name: string) => {
    const client = await TestClient.connect(`${served.url}/${route}/ws`, [], bearer(served.token(name)))
    const { payload } = await client.request('join', 'chat/lobby')
    const { presence } = payload as { presence: Array<{ user: string }> }
    return { client, present: presence.map(({ user }) => user) }
  }
  return { ...served, enter, hooked }
}

const say = (client: TestClient, payload: object, id?: string) => client.request('say', 'chat/lobby', payload, id)

/** In memory, and on a Redis of its own. */
function onBoth (test: (t: Test, options: ChannelsOptions) => Promise<void>): (t: Test) => Promise<void> {
  return async (t) => {
    await test(t, {})
    const { url } = await startRedis(t)
    await test(t, { redis: { url } })
  }
}

t.test('versions: a namespace keeps two contracts with the same addresses apart', onBoth(async (t, options) => {
  const { app, enter, hooked } = await serve(t, options, own1, own2)
  const ann1 = await enter('v1', 'ann')
  const bob2 = await enter('v2', 'bob')
  t.strictSame([ann1.present, bob2.present], [['id-of-ann'], ['id-of-bob']], 'presence')
  const ann2 = await enter('v2', 'ann')
  t.match(await bob2.client.next('presence'), { channel: 'chat/lobby', payload: { joined: [{ user: 'id-of-ann' }] } })

  t.match(await say(ann1.client, { text: 'one' }, 'm1'), { channel: 'chat/lobby', payload: 'v1 one', offset: 1 })
  const two = { text: 'two', mood: 'glad' }
  t.match(await say(ann2.client, two, 'm1'), { payload: 'v2 two', offset: 1 }, 'no conflict')
  t.match(await bob2.client.next('said'), { channel: 'chat/lobby', payload: two, offset: 1 })
  t.strictSame(ann1.client.log.filter(({ type }) => type === 'said').map(({ payload }) => payload), [{ text: 'one' }])
  t.strictSame(hooked, ['v1 chat/lobby lobby said', 'v2 v2//chat/lobby lobby said'])
  for (const { client } of [ann1, ann2]) t.match(await client.request('poke', 'chat/lobby'), { type: 'ack' }, 'rates')

  const rooms = [app.rooms.of(own1, { room: 'lobby' }), app.rooms.of(own2, { id: 'lobby' })] as const
  t.strictSame(rooms.map(({ channel }) => channel), ['chat/lobby', 'v2//chat/lobby'])
  t.strictSame(await Promise.all(rooms.map((room) => room.count())), [1, 2])
  await rooms[1].broadcast('poked', undefined)
  t.match(await bob2.client.next('poked'), { channel: 'chat/lobby' })
  const list = async (pattern?: string) => (await app.rooms.list(pattern)).results
  t.strictSame(await list(), [
    { channel: 'chat/lobby', connections: 1 }, { channel: 'v2//chat/lobby', connections: 2 }
  ])
  t.strictSame(await list('chat/:room'), [{ channel: 'chat/lobby', connections: 1 }])
  t.strictSame(await list('v2//chat/:room'), [{ channel: 'v2//chat/lobby', connections: 2 }])
  t.equal((await app.registry.list({ channel: 'v2//chat/lobby' })).results.length, 2)

  t.match(await ann2.client.request('history', 'chat/lobby'), {
    type: 'ack', payload: { messages: [{ channel: 'chat/lobby', payload: two, offset: 1 }], hasMore: false }
  })

  await rooms[1].clear()
  t.match(await bob2.client.next('resync'), { channel: 'chat/lobby', payload: { offset: 0 } })
  t.equal((await rooms[0].read()).messages.length, 1, 'the other history is kept')
  t.match(await rooms[1].remove({ userId: 'id-of-ann' }), { connections: 1 })
  t.strictSame(await ann2.client.next('left'), { type: 'left', channel: 'chat/lobby', payload: { code: 'removed' } })
  t.match(await say(ann1.client, { text: 'three' }), { type: 'ack' }, 'a member of the other channel')
  t.match(await rooms[1].add({ userId: 'id-of-ann' }), { connections: 1 }, 'none at the route without it')
  t.match(await ann2.client.next('joined'), { channel: 'chat/lobby' })
  t.match(await bob2.client.request('history', 'chat/lobby'), { payload: { messages: [], hasMore: false } })
  t.match(await ann1.client.request('leave', 'chat/lobby'), { type: 'ack' })
  t.match(await bob2.client.request('join', 'v2//chat/lobby'), { payload: { code: 'unknown_channel' } })
}))

t.test('versions: shared contracts have the same members, presence and history', onBoth(async (t, options) => {
  const { app, enter, hooked } = await serve(t, options, shared1, shared2)
  const ann = await enter('v1', 'ann')
  const bob = await enter('v2', 'bob')
  t.strictSame(bob.present.sort(), ['id-of-ann', 'id-of-bob'])
  t.match(await ann.client.next('presence'), { payload: { joined: [{ user: 'id-of-bob' }] } })

  await say(bob.client, { text: 'two', mood: 'glad' })
  t.match(await ann.client.next('said'), { payload: { text: 'two', mood: 'glad' }, offset: 1 }, 'with what v1 lacks')
  await bob.client.request('like', 'chat/lobby', 1)
  t.match(await ann.client.next('liked'), { payload: 1, offset: 2 }, 'a message that v1 does not declare')
  t.match(await say(ann.client, { text: 'one', mood: 'sad' }), { payload: { code: 'invalid_payload' } })
  t.match(await ann.client.request('like', 'chat/lobby', 1), { payload: { code: 'unknown_type' } })
  t.match(await ann.client.request('poke', 'chat/lobby'), { type: 'ack' })
  const other = await enter('v2', 'ann')
  t.match(await other.client.request('poke', 'chat/lobby'), { payload: { code: 'rate_limited' } }, 'one rate')

  t.match(await say(ann.client, { text: 'one' }, 'm1'), { payload: 'v1 one', offset: 3 })
  t.match(await say(other.client, { text: 'one' }, 'm1'), { payload: 'v1 one', offset: 3 }, 'one effect')
  t.strictSame(hooked.slice(-2), ['v1 chat/lobby lobby said', 'v2 chat/lobby lobby said'])

  const rooms = [app.rooms.of(shared1, { room: 'lobby' }), app.rooms.of(shared2, { id: 'lobby' })] as const
  await rooms[0].broadcast('poked', undefined)
  t.match(await bob.client.next('poked'), { channel: 'chat/lobby' })
  const histories = await Promise.all(rooms.map((room) => room.read()))
  t.strictSame(histories.map(({ messages }) => messages.map(({ type }) => type)), [
    ['said', 'liked', 'said'], ['said', 'liked', 'said']
  ])
  t.strictSame(await Promise.all(rooms.map((room) => room.count())), [2, 2])
  t.match(await rooms[0].remove({ userId: 'id-of-bob' }), { connections: 1 })
  t.match(await bob.client.next('left'), { payload: { code: 'removed' } })
}))

t.test('versions: a client of the first one recovers past messages that only the second one declares', async (t) => {
  const { app, url, token } = await serve(t, {}, shared1, shared2)
  const client = connect<typeof shared1>(`${url}/v1/ws`, { token: () => token('ann'), WebSocket })
  t.teardown(() => client.close())
  const heard: string[] = []
  const resyncs: string[] = []
  const channel = await client.join('chat/:room', { room: 'lobby' }, {
    onResync: ({ reason }) => { resyncs.push(reason) }, on: { said: ({ text }) => { heard.push(text) } }
  })
  const recovered = new Promise<void>((resolve) => { channel.onRecovered(resolve) })
  const room = app.rooms.of(shared2, { id: 'lobby' })
  await room.broadcast('liked', 1)
  await app.registry.disconnect({ userId: 'id-of-ann' }, closeEvents.restart)
  await room.broadcast('liked', 2)
  await room.broadcast('said', { text: 'two', mood: 'glad' })
  await recovered
  t.strictSame([heard, resyncs], [['two'], ['fresh']])
})
