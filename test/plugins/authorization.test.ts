import { setImmediate as turn } from 'node:timers/promises'
import { Type } from '@sinclair/typebox'
import t, { type Test } from 'tap'
import { defineChannel } from '../../lib/contract/define-channel.ts'
import { MemoryAdapter, MemoryHub } from '../../lib/memory/memory-adapter.ts'
import { implement } from '../../lib/server/implement.ts'
import { FakeClock } from '../../lib/testing/fake-clock.ts'
import { TestClient } from '../../lib/testing/test-client.ts'
import { lab } from '../support/lab.ts'
import { Network } from '../support/network.ts'
import { startRedis, type RedisServer } from '../support/redis.ts'
import { bearer, listen, makeApp, serveLab } from '../support/serve.ts'
import type { ChannelsOptions } from '../../plugins/channels.ts'

const until = async (isSo: () => boolean) => {
  while (!isSo()) await new Promise((resolve) => { setTimeout(resolve, 5) })
}

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
