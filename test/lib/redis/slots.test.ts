import { Cluster } from 'ioredis'
import t, { type Test } from 'tap'
import { systemClock } from '../../../lib/clock.ts'
import { Keys } from '../../../lib/redis/keys.ts'
import { RedisAdapter } from '../../../lib/redis/redis-adapter.ts'
import { noEvents } from '../../support/conformance/adapter-history.ts'
import { beginMove, moveSlot, ownerOf } from '../../support/move-slot.ts'
import { startCluster, startReplicatedCluster, type RedisServer } from '../../support/redis.ts'
import { silentLog } from '../../support/silent-log.ts'
import { until } from '../../support/until.ts'

interface Node { readonly adapter: RedisAdapter, readonly received: string[], gaps: number }

async function nodeOn (t: Test, servers: readonly RedisServer[]): Promise<Node> {
  const client = new Cluster(servers.map(({ port }) => ({ host: '127.0.0.1', port })), { lazyConnect: true })
  const adapter = new RedisAdapter({ client, clock: systemClock, log: silentLog })
  const node: Node = { adapter, received: [], gaps: 0 }
  adapter.start({
    ...noEvents, message: (_channel, encoded) => node.received.push(encoded.toString()), gap: () => { node.gaps++ }
  })
  t.teardown(() => adapter.close())
  await until(() => adapter.status.state === 'up')
  return node
}

t.test('slots: subscriptions work again after their slot went to another master and came back at once', async (t) => {
  const servers = await startCluster(t)
  const [node, other] = await Promise.all([nodeOn(t, servers), nodeOn(t, servers)])
  await node.adapter.pubsub.subscribe('x')
  await other.adapter.pubsub.publish('x', Buffer.from('{"before":1}'))
  await until(() => node.received.length === 1)
  const [first] = servers as [RedisServer]
  const slot = Number(await first.cli('CLUSTER', 'KEYSLOT', new Keys('fastify-channels').ofChannel('x', 'pubsub')))
  const owner = await ownerOf(servers, slot)
  const { gaps } = node
  await moveSlot(servers, slot, servers.find((server) => server !== owner) as RedisServer)
  await moveSlot(servers, slot, owner)
  await until(() => node.gaps > gaps)
  t.pass('the node learns that it may have missed messages')
  await other.adapter.pubsub.publish('x', Buffer.from('{"after":1}'))
  await until(() => node.received.includes('{"after":1}'))
  t.pass('and receives the next one')
})

/** How often a master was asked for a subscription. */
async function subscribesAt (server: RedisServer): Promise<number> {
  return Number(/cmdstat_ssubscribe:calls=(\d+)/.exec(String(await server.cli('INFO', 'commandstats')))?.[1])
}

t.test('slots: only the names of a slot that moved are subscribed again', async (t) => {
  const servers = await startCluster(t)
  const node = await nodeOn(t, servers)
  const names = Array.from({ length: 300 }, (_, i) => `c${i}`)
  await Promise.all(names.map((name) => node.adapter.pubsub.subscribe(name)))
  const [first] = servers as [RedisServer]
  const slot = Number(await first.cli('CLUSTER', 'KEYSLOT', new Keys('fastify-channels').pubsubOf('c0')))
  const owner = await ownerOf(servers, slot)
  const [before, { gaps }] = [await subscribesAt(owner), node]
  t.ok(before > 50, `${before} names are at the master of the slot`)
  await moveSlot(servers, slot, servers.find((server) => server !== owner) as RedisServer)
  await moveSlot(servers, slot, owner)
  await until(() => node.gaps > gaps)
  t.ok(await subscribesAt(owner) - before < 10, 'the others stay as they are')
})

t.test('slots: a probe alone at its master comes back with its slot', async (t) => {
  const servers = await startCluster(t)
  const node = await nodeOn(t, servers)
  const namesAt = async (server: RedisServer) => await server.cli('PUBSUB', 'SHARDCHANNELS') as string[]
  const all = await Promise.all(servers.map(namesAt))
  const index = all.findIndex((names) => names.length === 1)
  const [owner, [probe]] = [servers[index], all[index]] as [RedisServer, [string]]
  const slot = Number(await owner.cli('CLUSTER', 'KEYSLOT', probe))
  const isBack = async () => (await namesAt(owner)).length === 1 && node.adapter.status.state === 'up'
  /** Which states the node had until its probe was back. */
  const statesUntilBack = async () => {
    await until(isBack)
    await moveSlot(servers, slot, servers.find((server) => server !== owner) as RedisServer)
    await moveSlot(servers, slot, owner)
    t.strictSame(await namesAt(owner), [], 'the master has ended it')
    const states = new Set<string>()
    await until(async () => {
      states.add(node.adapter.status.state)
      return (await namesAt(owner)).length === 1
    })
    return states
  }
  // A node takes its connection for dead after 2 s, and a busy machine may need as long for the moves alone.
  let states = await statesUntilBack()
  for (let again = 0; again < 3 && states.has('degraded'); again++) states = await statesUntilBack()
  t.strictSame([...states], ['up'], 'before the node takes its connection for dead')
})

t.test('slots: a node works again, probe and all, after a replica took over the slots of its master', async (t) => {
  const servers = await startReplicatedCluster(t)
  const { adapter } = await nodeOn(t, servers)
  await servers[1].cli('CLUSTER', 'FAILOVER', 'TAKEOVER')
  await until(() => adapter.status.state !== 'up')
  await until(() => adapter.status.state === 'up')
  const upAt = performance.now()
  // A probe without a receiver is lost after 2 s.
  await until(() => adapter.status.state !== 'up' || performance.now() - upAt > 3_000)
  t.equal(adapter.status.state, 'up')
})

const slotOf = async ([server]: readonly RedisServer[], channel: string) =>
  Number(await (server as RedisServer).cli('CLUSTER', 'KEYSLOT', new Keys('fastify-channels').pubsubOf(channel)))

/** A channel of the same master, in another slot. */
async function besides (servers: readonly RedisServer[], owner: RedisServer): Promise<string> {
  for (let i = 0; ; i++) if (await ownerOf(servers, await slotOf(servers, `c${i}`)) === owner) return `c${i}`
}

t.test('slots: while a slot moves, its messages wait or are refused, and those of other channels pass', async (t) => {
  const servers = await startCluster(t)
  const { adapter: { history } } = await nodeOn(t, servers)
  let appended = 0
  const append = (channel: string) => history.append(
    channel, { id: `${appended++}`, encoded: Buffer.from('{}'), whenSlow: undefined, limit: 10, ttl: 60_000 }
  )
  await append('x')
  const slot = await slotOf(servers, 'x')
  const owner = await ownerOf(servers, slot)
  const other = await besides(servers, owner)
  const finish = await beginMove(servers, slot, servers.find((server) => server !== owner) as RedisServer)
  const settled: string[] = []
  const refused = append('x').catch((error: Error) => error).finally(() => settled.push('x'))
  await until(async () => String(await owner.cli('INFO', 'errorstats')).includes('TRYAGAIN'))
  for (let i = 0; i < 5; i++) await append(other).then(() => settled.push(other))
  t.match(await refused, { cause: { message: /^TRYAGAIN / } }, 'one that takes too long is refused')
  t.strictSame(settled, [other, other, other, other, other, 'x'])
  const waiting = append('x')
  await finish()
  t.match(await waiting, { outcome: 'appended', position: { offset: 2 } }, 'a short move is not noticed')
})
