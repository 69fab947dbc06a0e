import { rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { AdapterUnavailable } from '../../../lib/cluster/adapter.ts'
import { clusterTimings, scaleTimings } from '../../../lib/cluster/timings.ts'
import { HubStatus } from '../../../lib/local/hub-status.ts'
import type { LocalAdapter } from '../../../lib/local/local-adapter.ts'
import { PacketSocket } from '../../../lib/local/wire/packet-socket.ts'
import { encodePacket } from '../../../lib/local/wire/packets.ts'
import { FakeClock } from '../../../lib/testing/fake-clock.ts'
import { noEvents } from '../../support/conformance/adapter-history.ts'
import { createAdapters, hubPaths, joined, startHub } from '../../support/conformance/local-adapters.ts'
import { RawHub, RawPeer } from '../../support/local/raw-peer.ts'
import { silentLog } from '../../support/silent-log.ts'
import { until } from '../../support/until.ts'

const newPath = hubPaths(t)
/** A lease of 600 ms, so that the hub looks every 200 ms. Probes of nodes are rarer, because nothing waits for them. */
const shortLease = { ...clusterTimings, leaseRenewalMs: scaleTimings(0.05).leaseRenewalMs }

async function startAdapters (t: Test, nodes: number, more?: Parameters<typeof createAdapters>[2]) {
  const path = newPath()
  const adapters = createAdapters(path, nodes, more) as [LocalAdapter, LocalAdapter]
  t.teardown(() => Promise.all(adapters.map((adapter) => adapter.close())))
  for (const adapter of adapters) await adapter.start(noEvents)
  await joined(adapters)
  return { path, adapters }
}

/** A log that keeps its lines. */
function keptLog () {
  const lines: string[] = []
  const keep = (_details: object, line: string) => { lines.push(line) }
  return { lines, log: { ...silentLog, info: keep, warn: keep } }
}

t.test('local: a hub refuses a node of another version, and bytes that are no packets', async (t) => {
  const { path, adapters: [hub] } = await startAdapters(t, 1)
  const other = await RawPeer.join(path, 'other', 2)
  t.match(await other.take(() => true), { kind: 'refused', head: { version: 1 } })
  other.socket.end()
  await other.closed()
  const attempts: ReadonlyArray<(peer: RawPeer) => unknown> = [
    (peer) => peer.socket.write(Buffer.alloc(20, 255)),
    (peer) => peer.socket.write(Buffer.from([0, 0, 0, 9, 77, 0, 0, 0, 0, 0, 0, 0, 0])),
    (peer) => peer.socket.write(Buffer.from([0, 0, 0, 9, 6, 0, 0, 0, 0, 0, 0, 0, 9])),
    (peer) => peer.send('request', 1, ['nonsense']),
    (peer) => peer.send('request', 1, ['append', 'x', null])
  ]
  for (const [i, attempt] of attempts.entries()) {
    const peer = await RawPeer.join(path, `peer ${i}`)
    attempt(peer)
    peer.socket.end()
    await peer.closed()
    t.equal(hub.counters.poison, i + 1, 'it is counted')
  }
  t.equal(hub.status.state, 'up')
})

t.test('local: a node that connects again replaces its earlier connection, and stays present', async (t) => {
  const { path, adapters: [hub] } = await startAdapters(t, 1)
  const entry = { connection: 'c', user: 'ada', data: 1 }
  const first = await RawPeer.join(path, 'node')
  await first.ask(1, 'enter', 'x', entry)
  const second = await RawPeer.join(path, 'node')
  await second.ask(1, 'enter', 'x', entry)
  first.socket.end()
  await first.closed()
  t.strictSame((await hub.presence.list('x')).entries, [{ user: 'ada', data: 1 }])
  t.equal(hub.liveNodes, 2)
  second.socket.destroy()
  await until(() => hub.liveNodes === 1)
  t.equal(await hub.presence.count('x'), 0)
})

t.test('local: a node that sends nothing for a lease has left, though its connection is open', async (t) => {
  const { path, adapters: [hub] } = await startAdapters(t, 1, { timings: shortLease })
  const peer = await RawPeer.join(path, 'node')
  await peer.ask(1, 'enter', 'x', { connection: 'c', user: 'ada', data: 1 })
  t.equal(await hub.presence.count('x'), 1)
  await until(async () => await hub.presence.count('x') === 0)
  t.equal(hub.liveNodes, 1)
  peer.socket.destroy()
})

t.test('local: a node that does not read gets a gap in place of more than 8 MiB of events', async (t) => {
  const { path, adapters: [hub] } = await startAdapters(t, 1)
  const peer = await RawPeer.join(path, 'node')
  await peer.ask(1, 'subscribe', 'x')
  await peer.ask(2, 'enter', 'x', { connection: 'c', user: 'ada', data: 1 })
  peer.socket.pause()
  const megabyte = Buffer.alloc(1_048_576, 'x')
  for (let i = 0; i < 30; i++) await hub.pubsub.publish('x', megabyte)
  await new Promise(setImmediate)
  peer.socket.resume()
  await peer.take(({ head }) => Array.isArray(head) && head[0] === 'gap')
  const messages = peer.received.filter(({ kind }) => kind === 'event').length
  t.ok(messages > 5 && messages < 12, `${messages} messages were kept for it`)
  await hub.pubsub.publish('x', Buffer.from('after'))
  await peer.take(({ parts: [message] }) => String(message) === 'after')
  t.equal(await hub.presence.count('x'), 1, 'its users are present all the while')
})

t.test('local: a node that asks without reading gets its reads as it reads, and is gone beyond 16 MiB', async (t) => {
  const { path, adapters: [hub] } = await startAdapters(t, 1)
  const peer = await RawPeer.join(path, 'node')
  await peer.ask(1, 'enter', 'x', { connection: 'c', user: 'ada', data: 1 })
  const encoded = Buffer.alloc(1_000_000, 'x')
  await hub.history.append('x', { id: '1', encoded, whenSlow: undefined, limit: 9, ttl: 9_000 })
  peer.socket.pause()
  for (let id = 100; id < 140; id++) peer.send('request', id, ['readBefore', 'x', null, 1])
  t.equal(await hub.presence.count('x'), 1)
  peer.socket.resume()
  await peer.take(({ id }) => id === 139)
  t.equal(peer.received.filter(({ id }) => id >= 100).length, 39, 'it gets all answers')
  peer.socket.pause()
  const channels = Array.from({ length: 200_000 }, () => '')
  for (let id = 200; id < 225; id++) peer.send('request', id, ['positions', channels])
  await until(async () => await hub.presence.count('x') === 0)
  peer.socket.destroy()
})

t.test('local: for a hub that does not read, 8 MiB of messages are kept, and 16 MiB of state', async (t) => {
  const path = newPath()
  const hub = await RawHub.open(path)
  t.teardown(() => hub.close())
  const { lines, log } = keptLog()
  const [node] = createAdapters(path, 1, { log }) as [LocalAdapter]
  t.teardown(() => node.close())
  let gaps = 0
  const started = node.start({ ...noEvents, gap: () => { gaps++ } })
  const first = await hub.peer(0)
  first.send('welcome', 0, { pid: 77 })
  first.send('answer', (await first.take(({ kind }) => kind === 'request')).id, null)
  await started
  t.equal(node.status.state, 'up')
  first.socket.pause()
  const megabyte = Buffer.alloc(1_048_576, 'x')
  const published = await Promise.allSettled(Array.from({ length: 20 }, () => node.pubsub.publish('x', megabyte)))
  const refused = published.filter(({ status }) => status === 'rejected')
  t.ok(refused.length > 8 && node.counters.dropped === refused.length, `${refused.length} messages were dropped`)
  t.ok((refused[0] as PromiseRejectedResult).reason instanceof AdapterUnavailable)
  for (let i = 0; i < 20; i++) {
    node.presence.enter('x', { connection: `c${i}`, user: 'ada', data: String(megabyte) }).catch(() => {})
  }
  const second = await hub.peer(1)
  t.pass('the node connects again')
  second.send('welcome', 0, { pid: 77 })
  let entered = 0
  for (let name = ''; name !== 'ready';) {
    const { id, head } = await second.take(({ kind }) => kind === 'request')
    name = (head as string[])[0] as string
    if (name === 'enter') entered++
    second.send(name === 'enter' && entered === 1 ? 'failure' : 'answer', id, 'on purpose')
  }
  t.ok(entered > 20, 'it tells everything, and again what failed')
  second.send('answer', 4_000_000, 'nobody waits for it')
  await until(() => node.status.state === 'up')
  const before = gaps
  second.send('event', 0, ['gap'])
  await until(() => gaps > before)
  second.socket.write(Buffer.alloc(20, 255))
  const third = await hub.peer(2)
  t.equal(node.counters.poison, 1, 'bytes that are no packets end the connection')
  third.send('failure', 4_000_000, 'nobody waits for it')
  third.send('refused', 0, { version: 9 })
  await until(() => node.status.state === 'degraded' && node.status.reason.includes('version 9'))
  await until(() => lines.length > 0)
  t.match(lines.at(-1), 'speaks version 9 of its protocol: restart all processes with one version of fastify-channels')
  third.socket.destroy()
  await hub.peer(3)
  t.pass('the node tries again')
})

t.test('local: a request without an answer ends, and so does one on a closed connection', async (t) => {
  const hub = await RawHub.open(newPath())
  t.teardown(() => hub.close())
  const socket = connect(hub.directory.hubAddress(1))
  const nothing = () => {}
  const packets = new PacketSocket(socket, { heard: nothing, packet: nothing, malformed: nothing, closed: nothing })
  const waiting = packets.request('late', [], 2)
  const other = packets.request('later', [], 3)
  for (let i = 0; i < 2; i++) packets.tick()
  await t.rejects(waiting, { message: 'no answer in time' })
  await until(() => hub.peers.length > 0)
  hub.close()
  await t.rejects(other, { message: 'the hub is gone' })
  await t.rejects(packets.request('too late', [], 1), { message: 'the hub is gone' })
  packets.send(Buffer.from('too late'))
  await packets.end()
})

t.test('local: nothing is read any more from a connection that was given up', async (t) => {
  const hub = await RawHub.open(newPath())
  t.teardown(() => hub.close())
  const received: unknown[] = []
  const nothing = () => {}
  const packets = new PacketSocket(connect(hub.directory.hubAddress(1)), {
    heard: nothing,
    packet: ({ head }) => {
      received.push(head)
      packets.destroy()
    },
    malformed: nothing,
    closed: nothing
  })
  await until(() => hub.peers.length > 0)
  const two = ['first', 'second'].map((head) => encodePacket('event', 0, head))
  hub.peers[0]?.socket.write(Buffer.concat(two))
  await hub.peers[0]?.closed()
  t.strictSame(received, ['first'])
})

t.test('local: calls wait for a takeover, a second at most and 10,000 of them', async (t) => {
  const clock = new FakeClock(1)
  const { lines, log } = keptLog()
  const status = new HubStatus(clock, log)
  const settled: number[] = []
  for (let i = 0; i < 10_001; i++) status.whenSettled(() => { settled.push(i) })
  t.strictSame(settled, [10_000], 'one call more does not wait')
  clock.advance(1_000)
  t.strictSame(settled.slice(0, 3), [10_000, 0, 1], 'the others are in order')
  t.equal(settled.length, 10_001)
  t.match(lines, ['the hub was not found yet (until then persistent messages are refused, and messages may not reach ' +
    'other processes)'])
  status.note('the reason')
  status.note('the reason')
  t.match(status.status, { state: 'degraded', since: 1, reason: 'the reason' })
  status.noteUp()
  clock.advance(5_000)
  status.note('a takeover')
  clock.advance(999)
  status.noteUp()
  t.match(lines.slice(1), [/^the reason/, /^the hub works again/], 'each reason is logged, and no takeover')
  t.equal(lines.length, 3)
})

t.test('local: a hub whose directory is removed gives way, and a directory that cannot be used is waited for', async (
  t
) => {
  const { lines, log } = keptLog()
  const { path, adapters } = await startAdapters(t, 2, { timings: shortLease, log })
  rmSync(path, { recursive: true })
  writeFileSync(path, '')
  const [a, b] = adapters
  const reason = 'the directory of the hub cannot be used'
  await until(() => [a, b].every(({ status }) => status.state === 'degraded' && status.reason.startsWith(reason)))
  t.equal(a.liveNodes, undefined)
  await until(() => lines.some((line) => line.startsWith(reason)))
  rmSync(path)
  await joined(adapters)
  t.equal(lines.at(-1), 'the hub works again')
})

t.test('local: a closing hub does not wait for ever for a node, and accepts none', async (t) => {
  const path = newPath()
  const hub = await startHub(path)
  const peer = await RawPeer.join(path, 'node')
  await peer.take(({ kind }) => kind === 'welcome')
  peer.socket.pause()
  await hub.close()
  t.pass('it has closed')
  peer.socket.destroy()
  const [node] = createAdapters(path, 1) as [LocalAdapter]
  await Promise.all([node.start(noEvents), node.close()])
  rmSync(path, { recursive: true })
  const [unused] = createAdapters(path, 1) as [LocalAdapter]
  rmSync(path, { recursive: true })
  writeFileSync(path, '')
  await Promise.all([unused.start(noEvents), unused.close()])
  t.ok(await node.history.read('x').then(() => false, (error) => error instanceof AdapterUnavailable))
  await node.close()
})

t.test('local: a node keeps the newest 8 MiB of its replies for the next hub, and no ended revocation', async (t) => {
  const { path, adapters: [node] } = await startAdapters(t, 1, { timings: { ...clusterTimings, replyTtlMs: 1_000 } })
  const reply = JSON.stringify('x'.repeat(1_048_576))
  for (let i = 0; i < 9; i++) {
    const claim = { id: `${i}`, contentHash: 'h', owner: 'o' }
    await node.idempotency.claim('x', claim)
    await node.idempotency.finish('x', claim, reply, [])
  }
  t.strictSame([...node.idempotency.restore()].length, 7)
  await node.nodes.revoke('ended', Date.now() - 1)
  await node.nodes.revoke('user ada', Date.now() + 60_000)
  await node.nodes.revoke('user ada', Date.now() + 30_000)
  const peer = await RawPeer.join(path, 'node')
  t.match((await peer.take(({ head }) => String(head).startsWith('revoked'))).head, ['revoked', 'user ada'])
  peer.socket.destroy()
  await until(() => [...node.idempotency.restore()].length === 0)
})
