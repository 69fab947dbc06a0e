import { Type } from '@sinclair/typebox'
import fastify from 'fastify'
import t, { type Test } from 'tap'
import { clusterTimings } from '../../../lib/cluster/timings.ts'
import { MemoryHub } from '../../../lib/memory/memory-adapter.ts'
import { adapterConformance } from '../../../lib/testing/adapter-conformance.ts'
import { CuttableAdapter } from '../../../lib/testing/cluster/cuttable-adapter.ts'
import { FakeClock } from '../../../lib/testing/fake-clock.ts'
import { simulatedCluster } from '../../../lib/testing/cluster/simulated-cluster.ts'
import { TestClient, type UpgradeRefused } from '../../../lib/testing/test-client.ts'
import { channels, defineChannel, implement, type ChannelsOptions } from '../../../plugins/channels.ts'
import { until } from '../../support/until.ts'

const talk = defineChannel({
  pattern: 'talk/:id',
  params: Type.Object({ id: Type.String() }),
  fromClient: { say: { payload: Type.String() }, wave: {} },
  fromServer: { said: { payload: Type.String() }, waved: { payload: Type.String(), ephemeral: true } },
  presence: Type.Object({}),
  history: { limit: 100, ttl: 60_000 }
})

const implemented = implement(talk, {
  presence: () => ({}),
  on: {
    say: async (ctx, text) => { await ctx.broadcast('said', text) },
    wave: (ctx) => ctx.broadcast('waved', String(ctx.connection.userId))
  }
})

async function startCluster (t: Test, more: ChannelsOptions = {}) {
  const clock = new FakeClock()
  const cluster = await simulatedCluster({
    clock,
    build: async (options) => {
      const app = fastify()
      await app.register(channels, {
        ...options,
        drain: { timeout: 0 },
        identify: (request) => ({ id: String((request.query as { user?: string }).user) }),
        ...more
      })
      return app.ws('/ws', [implemented])
    }
  })
  t.teardown(() => cluster.close())
  const connect = async (node: number, user: string) => {
    const client = await TestClient.inject<typeof talk>(cluster.apps[node] as never, `/ws?user=${user}`)
    t.teardown(() => client.terminate())
    return client
  }
  return { ...cluster, clock, connect }
}

/** The texts of the messages of one type that have arrived. */
const payloads = ({ log }: TestClient<typeof talk>, wanted: string) =>
  log.filter(({ type }) => type === wanted).map(({ payload }) => payload)

t.test('simulated cluster: a cut node works alone, and catches up when it is healed', async (t) => {
  const { connect, cut, heal, clock } = await startCluster(t)
  const [ann, bob] = [await connect(0, 'ann'), await connect(1, 'bob')] as const
  await ann.request('join', 'talk/1')
  await bob.request('join', 'talk/1')
  await ann.request('say', 'talk/1', 'one')
  await bob.request('wave', 'talk/1')
  await until(() => payloads(bob, 'said').length === 1 && payloads(ann, 'waved').length === 1)
  cut(1)
  cut(1)
  t.match((await bob.request('say', 'talk/1', 'lost')).payload, { code: 'unavailable' })
  t.equal((await bob.request('wave', 'talk/1')).type, 'ack', 'an ephemeral message reaches the same node')
  await ann.request('say', 'talk/1', 'two')
  await bob.request('ping')
  t.strictSame(payloads(bob, 'said'), ['one'], 'nothing arrives from the others')
  await clock.advanceAsync(clusterTimings.leaseTtlMs)
  await until(() => payloads(ann, 'presence').some((change) => JSON.stringify(change) === '{"left":["bob"]}'))
  await heal(1)
  await heal(1)
  await until(() => payloads(bob, 'said').length === 2)
  t.strictSame(payloads(bob, 'said'), ['one', 'two'], 'the missed message follows')
  await until(() => /"joined":\[\{"user":"bob"/.test(JSON.stringify(payloads(ann, 'presence').at(-1))))
  t.strictSame(payloads(ann, 'waved'), ['bob'], 'an ephemeral message of the cut node is lost for the others')
  await bob.request('say', 'talk/1', 'three')
  await until(() => payloads(ann, 'said').length === 3)
})

t.test('simulated cluster: who joins and leaves a cut node is known to the others after the heal', async (t) => {
  const { apps, connect, cut, heal } = await startCluster(t, { presenceGrace: 0 })
  const [ann, bob, eve] = [await connect(0, 'ann'), await connect(1, 'bob'), await connect(1, 'eve')] as const
  await ann.request('join', 'talk/1')
  await bob.request('join', 'talk/1')
  const count = async (node: number) => apps[node]?.rooms.of(talk, { id: '1' }).count()
  cut(1)
  t.equal((await eve.request('join', 'talk/1')).type, 'ack')
  await bob.request('leave', 'talk/1')
  t.match((await eve.request('join', 'talk/other')).payload, { presence: [{ user: 'eve' }] })
  t.match(await apps[1]?.registry.nodes(), { missing: ['unknown'] })
  t.equal((await apps[0]?.registry.nodes())?.missing.length, 1)
  t.strictSame([apps[0], apps[1]].map((app) => app?.channels.status().state), ['up', 'degraded'])
  await t.rejects(count(1), { code: 'unavailable' })
  await heal(1)
  await until(() => /"left":\["bob"\]/.test(JSON.stringify(payloads(ann, 'presence'))))
  t.equal(await count(0), 2)
  t.equal(apps[1]?.channels.status().state, 'up')
})

t.test('simulated cluster: a revocation reaches a cut node after the heal, and the quota holds again', async (t) => {
  const { apps, connect, cut, heal, clock } = await startCluster(t, { limits: { perUser: 2 } })
  const [ann, bob] = [await connect(0, 'ann'), await connect(1, 'bob')] as const
  cut(1)
  const dan = await connect(1, 'dan')
  await connect(1, 'dan')
  await apps[0]?.registry.revoke({ userId: 'bob' }, clock.now() + 60_000)
  await apps[1]?.registry.revoke({ userId: 'ann' }, clock.now() + 60_000)
  await clock.advanceAsync(clusterTimings.leaseTtlMs)
  t.equal(bob.webSocket.readyState, bob.webSocket.OPEN)
  await heal(1)
  t.equal((await bob.closed).code, 3000)
  t.equal((await ann.closed).code, 3000, 'one of the cut node reaches the others')
  t.equal(await connect(0, 'dan').catch(({ status }: UpgradeRefused) => status), 429)
  await dan.close()
  await until(() => connect(0, 'dan').then(() => true, () => false))
})

t.test('simulated cluster: a node that there is not is refused', async (t) => {
  const { cut } = await startCluster(t)
  t.throws(() => cut(2), new RangeError('there is no node 2: pass a number from 0 to 1'))
})

t.test('simulated cluster: its adapter passes the conformance suite, where a cut is a crash', async (t) => {
  adapterConformance(t, (nodes) => {
    const clock = new FakeClock()
    const hub = new MemoryHub(clock)
    const adapters = Array.from({ length: nodes }, () => new CuttableAdapter(hub, new Map()))
    const [first] = adapters
    return {
      clock,
      adapters,
      ready: async () => { t.equal(first?.liveNodes, nodes) },
      kill: (adapter) => {
        (adapter as CuttableAdapter).cut()
        clock.advance(clusterTimings.leaseTtlMs)
      },
      close: async () => { t.equal(hub.nodes.size, 0, 'no node is left on the hub') }
    }
  })
})
