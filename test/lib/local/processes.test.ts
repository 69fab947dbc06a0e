import t, { type Test } from 'tap'
import { AdapterUnavailable } from '../../../lib/cluster/adapter.ts'
import { unknownNodes } from '../../../lib/cluster/nodes.ts'
import { HubDirectory } from '../../../lib/local/hub/hub-directory.ts'
import type { LocalAdapter } from '../../../lib/local/local-adapter.ts'
import { createAdapters, hubPaths, joined } from '../../support/conformance/local-adapters.ts'
import { noEvents } from '../../support/conformance/adapter-history.ts'
import { HubChild } from '../../support/local/hub-child.ts'
import { Random } from '../../support/random.ts'
import { until } from '../../support/until.ts'

const newPath = hubPaths(t)

const append = (id: string) => ({ id, encoded: Buffer.from('{}'), whenSlow: undefined, limit: 10, ttl: 60_000 })

t.test('local: of 50 processes that start and are killed at the same time, never two are the hub', async (t) => {
  const path = newPath()
  const random = new Random(Date.now())
  const children: HubChild[] = []
  const generations: number[] = []
  const alive = () => children.filter(({ isKilled }) => !isKilled)
  const hubs = () => alive().filter(({ reports }) => reports.length > 0)
  let isOver = false
  const start = () => children.push(new HubChild(path, 'hub', (generation) => {
    // While all are killed in the end, one may still take over.
    if (isOver) return
    generations.push(generation as number)
    t.ok(hubs().length <= 1, 'there is no other hub')
  }))
  t.teardown(() => {
    isOver = true
    return Promise.all(children.map((child) => child.kill()))
  })
  for (let i = 0; i < 10; i++) start()
  while (children.length < 50) {
    await until(() => hubs().length > 0)
    const victims = [...hubs(), random.pick(alive()), random.pick(alive())]
    const killed = victims.map((child) => child.kill())
    for (let i = 0; i < 4; i++) start()
    await Promise.all(killed)
  }
  await until(() => hubs().length > 0)
  t.equal(new Set(generations).size, generations.length, 'no generation has two hubs')
  t.ok(generations.length > 10, `${generations.length} hubs in turn`)
})

const isRefused = (call: Promise<unknown>) => call.then(() => false, (error) => error instanceof AdapterUnavailable)

/** A child that is the hub, and adapters of this process on it. */
async function startBeside (t: Test, nodes: number) {
  const path = newPath()
  const hub = new HubChild(path, 'adapter')
  t.teardown(() => hub.kill())
  // Between two hubs an adapter has no socket, and its timers do not keep the process alive.
  const alive = setInterval(() => {}, 60_000)
  t.teardown(() => clearInterval(alive))
  await until(() => hub.reports.includes('up'))
  const adapters = createAdapters(path, nodes)
  t.teardown(() => Promise.all(adapters.map((adapter) => adapter.close())))
  return { path, hub, adapters }
}

t.test('local: a hub that stands still is not replaced, and everything resumes with it', async (t) => {
  const { path, hub, adapters } = await startBeside(t, 3)
  const [a, b, late] = adapters as [LocalAdapter, LocalAdapter, LocalAdapter]
  const messages: string[] = []
  let gaps = 0
  await a.start({ ...noEvents, gap: () => { gaps++ } })
  await b.start({ ...noEvents, message: (_channel, encoded) => messages.push(String(encoded)) })
  await b.pubsub.subscribe('x')
  await a.history.append('x', append('1'))
  await until(() => a.roundTrip !== undefined)
  hub.pause()
  await until(() => a.status.state === 'degraded')
  t.match(a.status, { reason: `the hub (process ${hub.pid}) does not answer: resume its process, or end it` })
  t.ok(await isRefused(a.history.append('x', append('2'))), 'an append is refused')
  t.ok(await isRefused(a.pubsub.publish('x', Buffer.from('lost'))), 'a message does not leave the node')
  t.ok(await isRefused(a.quota.acquire('ada', 'c1', 1)), 'the quota is unknown')
  t.strictSame(await a.nodes.request(1, 10), { results: [], missing: [unknownNodes] }, 'no node can be asked')
  await a.presence.enter('x', { connection: 'c1', user: 'ada', data: 1 })
  t.strictSame((await a.presence.list('x')).entries, [{ user: 'ada', data: 1 }], 'the list has the users of this node')
  await late.start(noEvents)
  await until(() => 'reason' in late.status && late.status.reason.startsWith('the hub does not answer'))
  t.equal(new HubDirectory(path).newest(), 1, 'a new process does not replace it')
  t.strictSame((await a.presence.list('y')).entries, [], 'nobody of this node is in another channel')
  const before = gaps
  hub.resume()
  await joined([a, b, late], 4)
  t.ok(gaps > before, 'the node reads what it missed')
  t.strictSame((await b.presence.list('x')).entries, [{ user: 'ada', data: 1 }], 'the hub has the state of the node')
  t.equal((await b.quota.check('ada', 1)).granted, false, 'the connection counts')
  t.equal((await a.history.read('x')).entries.length, 1, 'the history is not lost')
  await a.pubsub.publish('x', Buffer.from('again'))
  await until(() => messages.length > 0)
  t.strictSame(messages, ['again'])
})

t.test('local: when the process of the hub is killed, another takes over, and the living put their state back', async (
  t
) => {
  const { path, hub, adapters } = await startBeside(t, 3)
  const [a, b, late] = adapters as [LocalAdapter, LocalAdapter, LocalAdapter]
  await a.start(noEvents)
  const messages: string[] = []
  await b.start({ ...noEvents, message: (_channel, encoded) => messages.push(String(encoded)) })
  hub.send(['x', 'eve'])
  await b.pubsub.subscribe('x')
  for (const [{ presence }, user] of [[a, 'ada'], [b, 'bob'], [b, 'carl']] as const) {
    await presence.enter('x', { connection: user, user, data: {} })
  }
  await b.presence.exit('x', 'carl', 60_000)
  await until(async () => await a.presence.count('x') === 4)
  await a.quota.acquire('ada', 'c1', 1)
  await a.nodes.revoke('user eve', Date.now() + 60_000)
  const claim = { id: 'm', contentHash: 'h', owner: 'o' }
  await a.idempotency.claim('x', claim)
  await a.idempotency.finish('x', claim, '"reply"', [])
  await a.history.append('x', append('1'))
  const { position } = await a.history.read('x')
  hub.pause()
  const counted = a.presence.count('x')
  const asked = a.nodes.request('once', 1_000)
  const killed = hub.kill()
  await until(() => a.status.state === 'degraded')
  const published = a.pubsub.publish('x', Buffer.from('during'))
  const outcome = await a.idempotency.claim('x', { ...claim, owner: 'p' })
  t.strictSame(outcome, { outcome: 'done', reply: '"reply"' }, 'a handled message is not handled again')
  await Promise.all([killed, published])
  t.equal(await counted, 3, 'a request that was under way is repeated')
  t.strictSame(await asked, { results: [], missing: [unknownNodes] }, 'but none that another node may have carried out')
  await until(() => messages.length > 0)
  t.strictSame(messages, ['during'], 'a message waits for the new hub and for the nodes on it')
  t.equal(new HubDirectory(path).newest(), 2)
  t.strictSame((await a.presence.list('x')).entries.map(({ user }) => user).sort(), ['ada', 'bob', 'carl'])
  t.equal((await b.quota.check('ada', 1)).granted, false, 'the connection counts')
  t.equal((await b.history.read('x', position)).reason, 'epoch', 'the history is lost')
  const revoked: string[] = []
  await late.start({ ...noEvents, revoked: (key) => revoked.push(key) })
  await until(() => revoked.length > 0)
  t.strictSame(revoked, ['user eve'], 'a new node learns of the revocation')
})
