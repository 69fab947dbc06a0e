import { Type } from '@sinclair/typebox'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { connect, type HistoryOptions } from '../../lib/client/index.ts'
import { MemoryAdapter, MemoryHub } from '../../lib/memory/memory-adapter.ts'
import { defineChannel, implement, type ChannelsOptions } from '../../plugins/channels.ts'
import { startRedis } from '../support/redis.ts'
import { listen, makeApp } from '../support/serve.ts'
import { until } from '../support/until.ts'

function memoryCluster (): () => ChannelsOptions {
  const hub = new MemoryHub()
  return () => ({ adapter: new MemoryAdapter(hub) })
}

async function redisCluster (t: Test): Promise<() => ChannelsOptions> {
  const { url } = await startRedis(t)
  return () => ({ redis: { url } })
}

const talk = defineChannel({
  pattern: 'talk/:room',
  params: Type.Object({ room: Type.String() }),
  fromClient: { say: { payload: Type.String() } },
  fromServer: { said: { payload: Type.String() } },
  presence: Type.Object({}),
  history: { limit: 50, ttl: 60_000 }
})

async function start (t: Test) {
  const { app, sink } = await makeApp(t, { limits: false })
  app.ws('/ws', { public: true }, [implement(talk, {
    authorize: () => true,
    presence: () => ({}),
    on: { say: async (ctx, text) => { await ctx.broadcast('said', text) } }
  })])
  const client = connect<typeof talk>(`${(await listen(app, sink)).url}/ws`, { WebSocket })
  t.teardown(() => client.close())
  return { app, client }
}

t.test('shared joins: a late handle gets presence and history from a real server, and each message once', async (t) => {
  const { client } = await start(t)
  const seen: unknown[] = []
  const join = (name: string) => client.join('talk/:room', { room: 'x' }, {
    onResync: ({ position }) => seen.push([name, position.offset]),
    on: { said: (text) => seen.push([name, text]) }
  })
  const first = await join('a')
  for (const text of ['1', '2']) await first.send('say', text)
  const late = await join('b')
  t.strictSame(late.presence, first.presence)
  await first.send('say', '3')
  await until(() => seen.length === 8)
  t.strictSame(seen, [['a', 0], ['a', '1'], ['a', '2'], ['b', 2], ['b', '1'], ['b', '2'], ['a', '3'], ['b', '3']])
})

t.test('shared joins: 200 components that come and go at once leave no membership behind', async (t) => {
  const { app, client } = await start(t)
  for (let i = 0; i < 200; i++) {
    const room = `room-${i % 3}`
    const abort = new AbortController()
    const first = client.join('talk/:room', { room }, { onResync: 'ignore', signal: abort.signal })
    abort.abort()
    await t.rejects(first)
    const second = await client.join('talk/:room', { room }, { onResync: 'ignore' })
    const leaving = second.leave()
    if (i % 20 === 0) await leaving
  }
  await until(async () => (await app.channels.status()).rooms === 0)
  t.equal(client.state, 'open')
})

/** Two nodes. A connection to either of them may be that of ann. */
async function startCluster (t: Test, options: () => ChannelsOptions) {
  const nodes = await Promise.all([0, 1].map(async () => {
    const { app, sink } = await makeApp(t, { limits: false, presenceGrace: 60_000, ...options() })
    app.ws('/ws', {
      // Every connection is added, while the client of a lost one joins again.
      connected: async ({ connection }) => { await app.rooms.of(talk, { room: 'home' }).add(connection) }
    }, [implement(talk, {
      authorize: ({ params }) => params.room !== 'secret',
      presence: () => ({}),
      on: { say: async (ctx, text) => { await ctx.broadcast('said', text) } }
    })])
    await app.ready()
    await until(() => app.channels.status().state === 'up')
    return { ...await listen(app, sink), room: (room: string) => app.rooms.of(talk, { room }) }
  }))
  const enter = (node: number, seen: unknown[]) => {
    const { url, token } = nodes[node] as typeof nodes[number]
    const client = connect<typeof talk>(`${url}/ws`, { WebSocket, token: () => token('ann'), random: () => 0 })
    t.teardown(() => client.close())
    client.onJoined(talk, (channel) => {
      channel.onResync(({ reason }) => seen.push([channel.address, reason]))
      channel.on('said', (text) => seen.push([channel.address, text]))
      channel.onLeft(({ code }) => seen.push([channel.address, code]))
    })
    return client
  }
  return { nodes, enter, rooms: nodes.map(({ room }) => room) as [typeof nodes[0]['room'], typeof nodes[0]['room']] }
}

for (const [name, options] of [['memory', memoryCluster], ['Redis', redisCluster]] as const) {
  t.test(`onJoined: ${name}: a user is added on two nodes, loses a connection, and is removed`, async (t) => {
    const { nodes, enter, rooms: [here, there] } = await startCluster(t, await options(t))
    const seen: [unknown[], unknown[]] = [[], []]
    const clients = seen.map((list, node) => enter(node, list))
    const both = async (...events: unknown[]) => {
      await until(() => seen.every((list) => list.length >= events.length))
      for (const list of seen) t.strictSame(list.splice(0), events)
    }
    await both(['talk/home', 'fresh'])
    await here('club').broadcast('said', 'before')
    t.strictSame(await there('club').add({ userId: 'id-of-ann' }), { connections: 2, missing: [] })
    await both(['talk/club', 'fresh'], ['talk/club', 'before'])
    t.strictSame(await there('secret').add({ userId: 'id-of-ann' }), { connections: 0, missing: [] })
    const shared = await clients[0]?.join(talk, { room: 'club' }, { onResync: 'ignore' })
    await shared?.send('say', 'after')
    await both(['talk/club', 'after'])
    await shared?.leave()

    const recovering = new Promise<void>((resolve) => {
      clients[1]?.onState((state) => { if (state === 'open') resolve() })
    })
    for (const socket of nodes[1]?.app.websocketServer.clients ?? []) socket.terminate()
    for (const room of ['club', 'home']) await here(room).broadcast('said', 'missed')
    await recovering
    await until(() => seen.every((list) => list.length === 2))
    for (const list of seen) t.strictSame(list.splice(0).sort(), [['talk/club', 'missed'], ['talk/home', 'missed']])
    t.equal(await here('club').count(), 1)

    const club = await clients[1]?.join(talk, { room: 'club' }, { onResync: 'ignore' })
    const texts = async (options?: HistoryOptions) =>
      (await club?.history(options))?.messages.map(({ payload }) => payload)
    t.strictSame(await texts({ before: 3 }), ['before', 'after'])
    t.strictSame(await texts(), [], 'the handle got all of it')
    const clearing = new Promise((resolve) => club?.onResync(({ reason }) => resolve(reason)))
    const stale = clients[0]?.join(talk, { room: 'club' }, { onResync: 'ignore' })
    await here('club').clear()
    t.equal(await clearing, 'epoch')
    t.match(await (await stale)?.history(), { position: { offset: 0 }, messages: [], hasMore: false })
    for (const list of seen) list.splice(0)
    t.strictSame(await here('club').remove({ userId: 'id-of-ann' }), { connections: 2, missing: [] })
    await both(['talk/club', 'removed'])
  })
}
