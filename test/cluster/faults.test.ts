import t, { type Test } from 'tap'
import type { PresenceChange } from '../../lib/protocol/control-messages.ts'
import type { TestClient } from '../../lib/testing/test-client.ts'
import type { Identity } from '../support/demo.ts'
import { startRedis, type RedisServer } from '../support/redis.ts'
import { DemoNode } from '../support/cluster/demo-node.ts'
import { until } from '../support/until.ts'

const room = 'chat/lobby'

interface Cluster { readonly redis: RedisServer, readonly a: DemoNode, readonly b: DemoNode }

interface Guest extends Identity { readonly client: TestClient }

async function cluster (t: Test): Promise<Cluster> {
  const redis = await startRedis(t)
  const [a, b] = await Promise.all([DemoNode.start(t, redis.url), DemoNode.start(t, redis.url)])
  await Promise.all([stateOf(a, 'up'), stateOf(b, 'up')])
  return { redis, a, b }
}

async function enter (t: Test, node: DemoNode, name: string): Promise<Guest> {
  const identity = await node.identity(name)
  const client = await node.connect(identity)
  t.teardown(async () => client.terminate())
  await client.request('join', room)
  return { ...identity, client }
}

function stateOf (node: DemoNode, state: string): Promise<void> {
  return until(async () => (await node.status()).state === state)
}

/** Types until the other hears of it: what is ephemeral may be lost while Redis is away. */
async function hears (from: Guest, to: Guest): Promise<void> {
  const type = () => from.client.send({ type: 'typing', channel: room, payload: { active: true } })
  const again = setInterval(type, 100)
  await to.client.next('typing.changed')
  clearInterval(again)
}

/** Sends until the log takes it. */
async function says (from: Guest, text: string): Promise<void> {
  let reply = await from.client.request('message.send', room, { text })
  while (reply.type === 'error') reply = await from.client.request('message.send', room, { text })
}

async function presence (client: TestClient, matches: (change: PresenceChange) => boolean): Promise<PresenceChange> {
  for (;;) {
    const change = (await client.next('presence')).payload as PresenceChange
    if (matches(change)) return change
  }
}

/** Resolves once a client has the message, by delivery or in a resync. */
async function learns ({ client }: Guest, text: string): Promise<void> {
  const knows = () =>
    client.log.some(({ type, payload }) =>
      ['message.posted', 'resync'].includes(type) && JSON.stringify(payload).includes(`"${text}"`))
  while (!knows()) await client.next('message.posted', 'resync')
}

/** Every `presence` that told of this user, as the list of what it told. */
function told (client: TestClient, userId: string): string[] {
  return client.log.filter(({ type }) => type === 'presence').flatMap(({ payload }) => {
    const { joined = [], left = [] } = payload as PresenceChange
    return [
      ...joined.filter(({ user }) => user === userId).map(() => 'joined'),
      ...left.filter((user) => user === userId).map(() => 'left')
    ]
  })
}

async function presentIn (node: DemoNode, t: Test): Promise<string[]> {
  const client = await node.connect(await node.identity('witness'))
  t.teardown(async () => client.terminate())
  const ack = await client.request('join', room)
  return (ack.payload as { presence: Array<{ data: { name: string } }> }).presence.map(({ data }) => data.name).sort()
}

t.test('faults: the users of a killed node leave once and leave nothing behind', async (t) => {
  const { a, b } = await cluster(t)
  const ada = await enter(t, a, 'Ada')
  const bob = await enter(t, b, 'Bob')
  await presence(ada.client, ({ joined = [] }) => joined.some(({ user }) => user === bob.userId))
  await b.signal('SIGKILL')
  const killed = performance.now()
  await presence(ada.client, ({ left = [] }) => left.includes(bob.userId))
  const ms = Math.round(performance.now() - killed)
  t.ok(ms < 18_000, `after ${ms} ms: its lease is over 15 s after it was last renewed, and the other node looks then`)
  t.strictSame(await presentIn(a, t), ['Ada', 'witness'], 'he is not there any more')
  t.strictSame(told(ada.client, bob.userId), ['joined', 'left'], 'each was told once')
})

t.test('faults: the users of a node that slept past its lease leave once and return once', async (t) => {
  const { a, b } = await cluster(t)
  const ada = await enter(t, a, 'Ada')
  const bob = await enter(t, b, 'Bob')
  await presence(ada.client, ({ joined = [] }) => joined.some(({ user }) => user === bob.userId))
  await b.signal('SIGSTOP')
  await presence(ada.client, ({ left = [] }) => left.includes(bob.userId))
  await b.signal('SIGCONT')
  await presence(ada.client, ({ joined = [] }) => joined.some(({ user }) => user === bob.userId))
  t.strictSame(told(ada.client, bob.userId), ['joined', 'left', 'joined'], 'nothing was told twice')
  await hears(ada, bob)
  await hears(bob, ada)
  t.strictSame(await presentIn(a, t), ['Ada', 'Bob', 'witness'], 'he is there once')
})

/** Redis is away between `goes` and `returns`. */
function outage (
  name: string, goes: (redis: RedisServer) => Promise<void>, returns: (redis: RedisServer) => Promise<void>
) {
  t.test(name, async (t) => {
    const { redis, a, b } = await cluster(t)
    const [ada, amy] = [await enter(t, a, 'Ada'), await enter(t, a, 'Amy')]
    const bob = await enter(t, b, 'Bob')
    await goes(redis)
    await hears(ada, amy)
    t.pass('members of one node hear each other meanwhile')
    await stateOf(a, 'degraded')
    await returns(redis)
    await Promise.all([stateOf(a, 'up'), stateOf(b, 'up')])
    await hears(ada, bob)
    await hears(bob, amy)
    await says(ada, 'back again')
    await learns(bob, 'back again')
    t.strictSame(
      [told(ada.client, bob.userId).includes('left'), told(bob.client, ada.userId).includes('left')],
      [false, false],
      'nobody was told to have left'
    )
    t.strictSame((await presentIn(b, t)), ['Ada', 'Amy', 'Bob', 'witness'], 'all are present')
  })
}

outage('Redis is killed and started again', (redis) => redis.kill(), (redis) => redis.restart())
outage('Redis does not answer for a while', async (redis) => redis.pause(), async (redis) => redis.resume())

t.test('faults: while Redis hangs for 3 s no acked message is lost and no user leaves', async (t) => {
  const { redis, a, b } = await cluster(t)
  const [ada, amy] = [await enter(t, a, 'Ada'), await enter(t, a, 'Amy')]
  const bob = await enter(t, b, 'Bob')
  redis.pause()
  const over = new Promise((resolve) => setTimeout(resolve, 3_000))
  await hears(ada, amy)
  await over
  redis.resume()
  await hears(ada, bob)
  await says(ada, 'still here')
  await learns(bob, 'still here')
  t.notOk(told(ada.client, bob.userId).includes('left'))
})

t.test('faults: killed pub/sub connections are restored', async (t) => {
  const { redis, a, b } = await cluster(t)
  const ada = await enter(t, a, 'Ada')
  const bob = await enter(t, b, 'Bob')
  await redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub')
  await says(ada, 'after the cut')
  await learns(bob, 'after the cut')
  await hears(bob, ada)
  await hears(ada, bob)
})

t.test('faults: without Redis at the start a node serves locally and joins the cluster later', async (t) => {
  const redis = await startRedis(t)
  await redis.kill()
  const [a, b] = await Promise.all([DemoNode.start(t, redis.url), DemoNode.start(t, redis.url)])
  t.equal((await a.status()).state, 'degraded')
  const [ada, amy] = [await enter(t, a, 'Ada'), await enter(t, a, 'Amy')]
  await hears(ada, amy)
  t.match(
    await ada.client.request('message.send', room, { text: 'anybody?' }),
    { type: 'error', payload: { code: 'unavailable' } },
    'what is to be remembered cannot be'
  )
  await redis.restart()
  await Promise.all([stateOf(a, 'up'), stateOf(b, 'up')])
  const bob = await enter(t, b, 'Bob')
  await hears(ada, bob)
  await says(bob, 'hello')
  await learns(ada, 'hello')
})
