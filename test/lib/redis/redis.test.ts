import { EventEmitter } from 'node:events'
import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import type { Adapter, AdapterStatus } from '../../../lib/cluster/adapter.ts'
import type { AdapterEvents } from '../../../lib/cluster/events.ts'
import type { HistoryEntry } from '../../../lib/cluster/history.ts'
import { clusterTimings } from '../../../lib/cluster/timings.ts'
import { Lease } from '../../../lib/redis/cluster/lease.ts'
import { RedisUnavailable, ScriptRunner, type Script } from '../../../lib/redis/script-runner.ts'
import { decodeMessages, encodeMessage } from '../../../lib/redis/pubsub/node-messages.ts'
import { Health } from '../../../lib/redis/health/health.ts'
import { issues } from '../../../lib/redis/health/issues.ts'
import { Keys } from '../../../lib/redis/keys.ts'
import { PublishQueue } from '../../../lib/redis/pubsub/publish-queue.ts'
import { PoisonReports } from '../../../lib/redis/pubsub/poison-reports.ts'
import { RedisPresence } from '../../../lib/redis/presence/redis-presence.ts'
import { Probe } from '../../../lib/redis/pubsub/probe.ts'
import { RedisAdapter } from '../../../lib/redis/redis-adapter.ts'
import { RedisRevocations } from '../../../lib/redis/cluster/redis-revocations.ts'
import { RedisSubscriptions } from '../../../lib/redis/pubsub/subscriptions.ts'
import type { RedisDeps } from '../../../lib/redis/redis-deps.ts'
import { readKind, type Publisher } from '../../../lib/redis/pubsub/message-kinds.ts'
import { systemClock, type Clock } from '../../../lib/clock.ts'
import type { Logger } from '../../../lib/logger.ts'
import type { PresenceChange } from '../../../lib/protocol/control-messages.ts'
import { FakeClock } from '../../../lib/testing/fake-clock.ts'
import { noEvents } from '../../support/conformance/adapter-history.ts'
import { startRedis } from '../../support/redis.ts'
import { silentLog } from '../../support/silent-log.ts'
import { until } from '../../support/until.ts'

const turn = () => new Promise(setImmediate)

/** A log whose lines the test can see. */
class Lines implements Logger {
  readonly lines: string[] = []
  readonly details: object[] = []
  info = (details: object, text: string): void => this.#add('info', details, text)
  warn = (details: object, text: string): void => this.#add('warn', details, text)
  error = (details: object, text: string): void => this.#add('error', details, text)
  child = (): Logger => this

  #add (level: string, details: object, text: string): void {
    this.lines.push(`${level}: ${text}`)
    this.details.push(details)
  }
}

const dropping = 'warn: messages to other nodes are dropped, because over 8388608 bytes wait for Redis: ' +
  'check its load and the network'

interface Reported {
  readonly frames: string[]
  readonly changes: PresenceChange[]
  readonly entries: HistoryEntry[]
  readonly snapshots: Array<string | undefined>
  /** How many entries each call reported. */
  readonly batches: number[]
  readonly revoked: string[]
  gaps: number
}

async function start (
  t: Test, url: string, log: Logger = silentLog, clock: Clock = systemClock
): Promise<{ adapter: RedisAdapter, reported: Reported }> {
  const client = new Redis(url, { lazyConnect: true })
  const adapter = new RedisAdapter({
    client, clock, log, timings: { ...clusterTimings, leaseRenewalMs: 100, leaseTtlMs: 300 }
  })
  const reported: Reported = {
    frames: [], changes: [], entries: [], snapshots: [], batches: [], revoked: [], gaps: 0
  }
  const receiver: AdapterEvents = {
    message: (_channel, frame) => reported.frames.push(frame.toString()),
    presenceChanged: (_channel, _moment, change) => reported.changes.push(change),
    entriesAppended: (_channel, _epoch, entries) => {
      reported.batches.push(entries.length)
      for (const { entry, snapshot } of entries) {
        reported.entries.push(entry)
        reported.snapshots.push(snapshot)
      }
    },
    gap: () => { reported.gaps++ },
    revoked: (key) => reported.revoked.push(key),
    requested: (question) => question
  }
  adapter.start(receiver)
  t.teardown(async () => {
    await adapter.close()
    client.disconnect()
  })
  await until(() => adapter.status.state === 'up')
  return { adapter, reported }
}

t.test('pub/sub: malformed messages from other writers to Redis are dropped and counted', async (t) => {
  const redis = await startRedis(t)
  const log = new Lines()
  const { adapter, reported } = await start(t, redis.url, log)
  const { adapter: other } = await start(t, redis.url)
  await adapter.pubsub.subscribe('x')
  const stranger = new Redis(redis.url)
  t.teardown(async () => stranger.disconnect())
  const keys = new Keys('fastify-channels')
  const channel = keys.ofChannel('x', 'pubsub')
  const inbox = keys.ofNode(adapter.nodeId, 'answers')
  const nodes = keys.shared('nodes-pubsub')
  const sender = 'f'.repeat(16)
  const frame = (manner: number, key: number, body: Buffer) => {
    const head = Buffer.alloc(9)
    head[0] = manner
    head.writeUInt32BE(key, 1)
    return Buffer.concat([Buffer.from(`1m${sender}`), head, body])
  }
  const crafted: Array<readonly [string, string | Buffer]> = [
    [channel, ''], [channel, '1'], [channel, '1x'], [channel, '2mabc'], [channel, '1m'], [channel, `1m${sender}x`],
    [channel, frame(9, 0, Buffer.alloc(0))], [
      channel, frame(0, 2 ** 32 - 1, Buffer.alloc(0))
    ], [channel, frame(255, 0, Buffer.from('x'))],
    [channel, '1p'], [channel, '1pnull'], [channel, '1p["e",1]'], [channel, '1p["e","1",[]]'], [
      channel, '1p["e",1,[["+","u"]]]'
    ],
    [channel, '1p["e",1,[["-",1]]]'], [channel, '1p["e",1,[["+","u","{"]]]'], [channel, '1p["e",1,[null]]'],
    [channel, '1h'], [channel, '1h{}\n{}'], [channel, '1h["e","1","i","k","","","9"]\n{}'], [
      channel, '1h["e","1e99","i","k","","","2"]\n{}'
    ],
    [channel, '1h["e","1","i","k","","","1"]\nx'],
    [channel, '1e'], [channel, '1e{}\n{}'], [channel, '1e["e","1","",{}]\n'], [channel, '1e["e",1,"",[]]\n'],
    [channel, '1e["e","1e99","",[["i","k","",2,0]]]\n{}'], [channel, '1e["e","1","",[["i","k","",2]]]\n{}'],
    [channel, '1e["e","1","",[["i","k",0,2,0]]]\n{}'], [channel, '1e["e","1","",[["i","k","",2,-1]]]\n{}'],
    [channel, '1e["e","1","",[["i","k","",1,0]]]\nx'], [channel, '1e["e","1","",[["i","k","",2,0.5]]]\n{}'],
    [channel, '1e["e","1","",[["i","k","",2,0]]]\n{'], [channel, '1e["e","1","",[["i","k","","2",0]]]\n{}'],
    [channel, '1e["e","1","",[["i","k","",2,0]]]\n{}{}'], [channel, '1q["a","b",1]'],
    [
      keys.ofNode(`${adapter.nodeId} 0`, 'probe'), '1oxyz'
    ], [inbox, '1a'], [inbox, '1a[]'], [inbox, '1a[1,2,3]'], [inbox, '1a{"__proto__":1}'],
    [nodes, '1q'], [nodes, '1q["a"]'], [nodes, '1q[null,null,null]'], [nodes, '1r'], [nodes, '1r["a"]'],
    [nodes, '1r["n","a","x","1"]'], [nodes, '1r["n","a","1","x"]'], [nodes, '1r["n",1,"1","1"]'],
    [nodes, '1r[1,"a","1","1"]']
  ]
  const random = Array.from(
    { length: 1_000 }, (_, i) => [[channel, inbox, nodes][i % 3] as string, randomBytes(1 + i % 64)] as const
  )
  // By chance a few of these would be sound: the first byte is our version.
  for (const [, bytes] of random) if (bytes[0] === 0x31) bytes[0] = 0
  for (const [name, bytes] of [...crafted, ...random]) await stranger.spublish(name, bytes)
  await until(() => adapter.counters.poison >= crafted.length + random.length)
  t.equal(adapter.counters.poison, crafted.length + random.length, 'each was counted')
  t.equal(log.lines.filter((line) => line.includes('malformed')).length, 1, 'and one line says so, for the time being')
  t.strictSame([reported.frames, reported.entries, reported.revoked], [[], [], []], 'none was passed on')
  await other.pubsub.publish('x', Buffer.from('{"type":"well"}'))
  await until(() => reported.frames.length > 0)
  t.strictSame(reported.frames, ['{"type":"well"}'], 'and it hears what is sound')
  // A stranger's answer to nothing that was asked, and a question of a node that is not there, are sound and lead
  // nowhere.
  await stranger.spublish(inbox, '1a["x","y",1]')
  await stranger.spublish(nodes, '1q["x","y",1]')
  t.strictSame((await adapter.nodes.request('well?', 2_000)).results, [{ node: other.nodeId, answer: 'well?' }])
})

t.test('pub/sub: entries that share a script are one message, which each node reports in one call', async (t) => {
  const redis = await startRedis(t)
  const { adapter } = await start(t, redis.url)
  const { adapter: other, reported } = await start(t, redis.url)
  await other.pubsub.subscribe('x')
  const observer = new Redis(redis.url)
  t.teardown(() => observer.disconnect())
  const kinds: string[] = []
  observer.on('smessage', (_name, message) => kinds.push(message.slice(0, 2)))
  await observer.ssubscribe(new Keys('fastify-channels').pubsubOf('x'))
  const common = { encoded: Buffer.from('{"é":1}'), whenSlow: 'skip', limit: 10, ttl: 60_000 } as const
  const append = (id: string, rest = {}) => adapter.history.append('x', { id, ...common, ...rest })
  const first = await append('1')
  const after = 'position' in first ? first.position : undefined
  await Promise.all([
    append('2', { after, snapshot: '"ü"' }), append('1'), append('3'), append('4', { whenSlow: undefined })
  ])
  await append('5', { after: await other.history.positions(['x']).then(([newest]) => newest), snapshot: '{}' })
  await until(() => reported.entries.length === 5 && kinds.length === 3)
  t.strictSame(kinds, ['1h', '1e', '1h'], 'one entry has a kind of its own')
  t.strictSame(reported.batches, [1, 3, 1], 'a known id is not in the batch')
  t.strictSame(reported.entries, (await other.history.read('x')).entries, 'equal to what the history has')
  t.strictSame(reported.snapshots, [undefined, '"ü"', undefined, undefined, '{}'])
})

t.test('publish queue: messages over 8 MiB on a hanging connection are dropped, counted and logged once', async (t) => {
  const log = new Lines()
  const answers: Array<(results: Array<[Error | null]>) => void> = []
  const pipeline = { spublish: () => {}, exec: () => new Promise((resolve) => answers.push(resolve)) }
  const connections = { serverOf: () => ({ pipeline: () => pipeline }), routeOf: () => '' }
  const outgoing = new PublishQueue(connections as never, 'f'.repeat(16), log)
  const mebi = Buffer.alloc(1_048_576)
  const sent = Array.from({ length: 12 }, () => outgoing.publish('x', 'm', mebi).then(() => 'sent', () => 'dropped'))
  await turn()
  answers.at(-1)?.([[null]])
  t.strictSame((await Promise.all(sent)).filter((outcome) => outcome === 'dropped').length, 4)
  t.equal(outgoing.dropped, 4)
  t.strictSame(log.lines, [dropping, 'info: messages reach other nodes again'])
  const again = outgoing.publish('x', 'o', mebi)
  await turn()
  answers.at(-1)?.([[null]])
  await again
})

t.test('publish queue: one pipeline per route and event-loop turn, and each message has its own outcome', async (t) => {
  const pipelines: string[][] = []
  const pipeline = () => {
    const names: string[] = []
    pipelines.push(names)
    return {
      spublish: (name: string) => names.push(name),
      exec: async () => {
        if (names.includes('c1')) throw new Error('no such route')
        return names.map((name) => [name === 'a2' ? new Error('refused') : null])
      }
    }
  }
  const outgoing = new PublishQueue(
    { serverOf: () => ({ pipeline }), routeOf: (name: string) => name[0] } as never, 'f'.repeat(16), new Lines()
  )
  const names = ['a1', 'b1', 'a2', 'c1', 'a1']
  const outcomes = await Promise.all(
    names.map((name) => outgoing.publish(name, 'm', Buffer.from('{}')).then(() => 'sent', () => 'dropped'))
  )
  t.strictSame(pipelines, [['a1', 'a2'], ['b1'], ['c1']])
  t.strictSame(outcomes, ['sent', 'sent', 'dropped', 'dropped', 'sent'])
  t.strictSame([outgoing.published, outgoing.dropped], [5, 2])
})

t.test('publish queue: a lost message is counted and its cause passed on; a probe is not counted', async (t) => {
  const log = new Lines()
  let fault: Error | null = new Error('not connected yet')
  const causes: unknown[] = []
  const server = { pipeline: () => ({ spublish: () => {}, exec: async () => [[fault]] }) }
  const outgoing = new PublishQueue(
    { serverOf: () => server, routeOf: () => '' } as never,
    'f'.repeat(16),
    log,
    (cause) => causes.push(cause)
  )
  const send = (kind: 'o' | 'r') =>
    outgoing.publish('x', kind, Buffer.from('1')).then(() => 'sent', (error: unknown) => error)
  t.type(await send('o'), RedisUnavailable)
  t.strictSame([outgoing.published, outgoing.dropped], [0, 0])
  t.type(await send('r'), RedisUnavailable)
  t.strictSame([outgoing.published, outgoing.dropped], [1, 1])
  t.strictSame(causes, [fault, fault])
  fault = null
  t.equal(await send('o'), 'sent')
  t.strictSame(log.lines, [], 'the state of Redis is logged elsewhere')
})

t.test('pub/sub: an encoded message travels with its policy for slow readers', async (t) => {
  const node = Buffer.from('f'.repeat(16))
  for (const whenSlow of [undefined, 'drop', 'skip', { latest: 'grüße' }] as const) {
    t.strictSame(
      decodeMessages(Buffer.concat([node, encodeMessage(Buffer.from('{}'), whenSlow)])),
      [{ encoded: Buffer.from('{}'), whenSlow, except: undefined }]
    )
  }
  t.throws(() => readKind(Buffer.alloc(64 * 1_048_576 + 1)), { message: /too many/ })
})

t.test('keys: a channel name cannot leave its hash tag or equal another key', async (t) => {
  const keys = new Keys('p')
  const names = ['x', '}x', '{x}', '%7Dx', 'x:pubsub', 'x}:pubsub{'].map((name) => keys.ofChannel(name, 'pubsub'))
  t.equal(new Set(names).size, names.length)
  for (const name of names) t.match(name, /^p:\{c:[^{}]*\}:pubsub$/)
  t.not(keys.ofUser('x', 'places'), keys.ofChannel('x', 'places'))
})

t.test('pub/sub: malformed messages are logged once in 10 s', async (t) => {
  const log = new Lines()
  let now = 0
  const poison = new PoisonReports(log, () => now)
  for (now = 0; now < 25_000; now += 100) poison.add('x', new Error('bad'))
  t.strictSame([poison.count, log.lines.length], [250, 3])
})

t.test('probe: a lost probe is reported repeatedly until one returns', async (t) => {
  const clock = new FakeClock()
  const reported: string[] = []
  let isDead = false
  const publisher = {
    publish: async (_name: string, _kind: string, body: Buffer) => {
      if (isDead) throw new Error('away')
      probe.receive(body)
    }
  }
  const probe: Probe = new Probe(
    publisher, 'p', clock, { lost: () => reported.push('silent'), returned: () => reported.push('back') }
  )
  for (let i = 0; i < 10; i++) { clock.advance(1_000); await turn() }
  t.strictSame(reported, [])
  isDead = true
  for (let i = 0; i < 6; i++) { clock.advance(1_000); await turn() }
  t.strictSame([reported, probe.isLost], [['silent', 'silent'], true])
  isDead = false
  clock.advance(1_000)
  await turn()
  t.strictSame([reported.at(-1), probe.isLost], ['back', false])
  probe.stop()
  t.equal(clock.pending, 0)
})

t.test('probe: a process that stood still takes no probe for lost', async (t) => {
  const clock = new FakeClock()
  let stoodStillMs = 0
  const late = {
    now: () => clock.now() + stoodStillMs,
    setTimeout: (fn: () => void, ms: number) => clock.setTimeout(fn, ms),
    clearTimeout: (timer: unknown) => clock.clearTimeout(timer)
  }
  const reported: string[] = []
  const probe = new Probe(
    { publish: async () => {} }, 'p', late, { lost: () => reported.push('lost'), returned: () => {} }
  )
  for (let i = 0; i < 5; i++) {
    stoodStillMs += 5_000
    clock.advance(500)
  }
  t.strictSame(reported, [], 'after each stop the answers have the whole timeout again')
  clock.advance(2_500)
  t.strictSame(reported, ['lost'])
  probe.stop()
})

/** The health of a connection that says it is a Redis of that kind. */
function healthOf (info: () => Promise<string>) {
  const connection = Object.assign(new EventEmitter(), { status: 'ready', info })
  const log = new Lines()
  const clock = new FakeClock(7)
  const counts = { recovered: 0, dropped: 0, checks: 0 }
  const health = new Health({
    connections: { command: connection, servers: () => [connection] } as never,
    clock,
    log,
    findRightsIssue: async () => undefined,
    checkState: () => {
      counts.checks++
      health.setState(undefined)
    },
    dropped: () => counts.dropped,
    recovered: () => { counts.recovered++ }
  })
  const work = async () => {
    connection.status = 'ready'
    connection.emit('ready')
    health.setSubscriptions(undefined)
    await turn()
  }
  const fail = (error?: Error) => {
    connection.status = 'reconnecting'
    if (error) health.noteError(error)
    connection.emit('close')
  }
  return { connection, log, clock, health, counts, work, fail }
}

const sound = async () => 'redis_version:7.0.15\r\nmaxmemory:0'
const closed = 'Redis closed the connection: check its log and the network'
const effect = ' (until then persistent messages are refused, and messages may not reach other nodes)'

t.test('Redis health', async (t) => {
  t.test('Redis health: it is up only while all parts work, else degraded since the first failure', async (t) => {
    const { health, clock, log, counts, work, fail } = healthOf(sound)
    const degraded = (reason: string, since: number): AdapterStatus => ({ state: 'degraded', since, reason })
    t.strictSame(health.status, degraded('not connected to Redis yet: check its address and the network', 7))
    await work()
    t.strictSame([health.status, counts.recovered], [{ state: 'up' }, 1])
    t.strictSame(log.details, [{}], 'the first connection ends no outage')
    clock.advance(3)
    fail()
    t.strictSame(health.status, degraded(closed, 10))
    clock.advance(5)
    counts.dropped = 4
    health.setSubscriptions(issues.closed)
    t.strictSame(health.status, degraded(closed, 10), 'since it began')
    await work()
    t.strictSame([health.status, counts.recovered], [{ state: 'up' }, 2])
    t.strictSame(log.lines, ['info: Redis works', `warn: ${closed}${effect}`, 'info: Redis works again'])
    t.strictSame(log.details.at(-1), { downMs: 5, dropped: 4 }, 'what was lost is logged')
    health.setSubscriptions(issues.silent)
    t.match(health.status, { reason: /^a probe did not come back/ })
    health.close()
    fail()
    clock.advance(60_000)
    t.equal(log.lines.length, 4, 'nothing is logged after the end')
  })

  t.test('Redis health: messages that were lost before the first connection are logged', async (t) => {
    const { clock, log, counts, work } = healthOf(sound)
    clock.advance(2)
    counts.dropped = 3
    await work()
    t.strictSame([log.lines, log.details], [['info: Redis works'], [{ downMs: 2, dropped: 3 }]])
  })

  t.test('Redis health: a cause is logged once, however often it returns', async (t) => {
    const { health, clock, log, work, fail } = healthOf(sound)
    const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' })
    for (let i = 0; i < 100; i++) {
      fail(refused)
      health.noteError(new Error('Connection is closed.'))
      clock.advance(100)
    }
    t.match(log.lines, [/^warn: Redis refuses connections \(ECONNREFUSED 127\.0\.0\.1:1\)/], 'the true cause')
    t.equal(log.lines.length, 1, 'one line')
    const loading = new Error('LOADING Redis is loading the dataset in memory')
    fail(loading)
    clock.advance(2_000)
    await work()
    t.strictSame(log.lines.slice(1), ['info: Redis works'], 'a stage of the recovery is none')
    t.strictSame(log.details.at(-1), { downMs: 12_000, dropped: 0 }, 'an outage at the start is one')
    health.noteError(refused)
    t.equal(health.status.state, 'up', 'an error of a connection that is not needed changes nothing')
    fail()
    fail(refused)
    clock.advance(60_000)
    fail(new Error('WRONGPASS invalid username-password pair or user is disabled.'))
    clock.advance(4_999)
    t.equal(log.lines.length, 3)
    clock.advance(1)
    t.match(log.lines[3], /^warn: Redis refuses the password \(WRONGPASS\)/, 'a further cause that lasts is logged')
    fail(refused)
    clock.advance(60_000)
    t.equal(log.lines.length, 4)
  })

  t.test('Redis health: a lost connection is logged with the cause that its next attempt finds', async (t) => {
    const { clock, log, work, fail } = healthOf(sound)
    await work()
    fail()
    clock.advance(900)
    t.equal(log.lines.length, 1)
    fail(new Error('getaddrinfo ENOTFOUND redis.internal'))
    t.match(log.lines.slice(1), [/^warn: the host name of Redis is not known \(ENOTFOUND redis\.internal\)/])
    await work()
    fail(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }))
    clock.advance(1_000)
    t.match(log.lines.slice(3), [/^warn: Redis closed the connection/], 'or without one, when there is none')
  })

  t.test('Redis health: a Redis that is too old is reported with its version', async (t) => {
    const { connection, health, log } = healthOf(async () => 'redis_version:6.2.14')
    health.setSubscriptions(issues.closed)
    connection.emit('ready')
    await turn()
    t.match(health.status, { state: 'degraded', reason: 'Redis 6.2.14 is too old: use version 7 or newer' })
    t.match(log.lines, [/^warn: Redis 6\.2\.14/])
  })

  t.test('Redis health: an eviction policy that may remove keys is logged once as a warning', async (t) => {
    for (const [memory, warnings] of [
      ['maxmemory:100\r\nmaxmemory_policy:allkeys-lru', 1], ['maxmemory:100\r\nmaxmemory_policy:noeviction', 0]
    ] as const) {
      const { log, work } = healthOf(async () => `redis_version:7.2.0\r\n${memory}`)
      await work()
      await work()
      t.equal(log.lines.filter((line) => line.includes('noeviction')).length, warnings)
    }
  })

  t.test('Redis health: a Redis that refuses INFO counts as up', async (t) => {
    const { health, work } = healthOf(async () => { throw new Error('NOPERM') })
    await work()
    t.equal(health.status.state, 'up')
  })
})

t.test('Redis adapter: a node restores its presence and quota after Redis lost all data', async (t) => {
  const redis = await startRedis(t)
  const { adapter } = await start(t, redis.url)
  const { adapter: other } = await start(t, redis.url)
  for (let i = 0; i < 3; i++) await adapter.presence.enter(`room ${i}`, { connection: 'c', user: 'ann', data: { i } })
  await adapter.quota.acquire('ann', 'c', 1)
  await adapter.nodes.revoke('user bob', Date.now() + 60_000)
  await redis.cli('FLUSHALL')
  const present = async (who: Adapter) =>
    (await Promise.all([0, 1, 2].map((i) => who.presence.count(`room ${i}`)))).join()
  await until(async () => await present(other) === '1,1,1')
  t.match(await other.presence.list('room 2'), { entries: [{ user: 'ann', data: { i: 2 } }] })
  await until(() => adapter.liveNodes === 2 && other.liveNodes === 2)
  await redis.restart()
  await until(async () => adapter.status.state === 'up' && await present(other).catch(() => '') === '1,1,1')
  await until(async () => {
    const { granted } = await other.quota.acquire('ann', 'd', 1)
    if (granted) await other.quota.release('ann', 'd')
    return !granted
  })
  t.pass('its place is taken again')
})

/**
 * What subscriptions see of a Redis: names are at a master until the test moves them, and connections come and go as it
 * says.
 */
class FakeMaster extends EventEmitter {
  readonly subscribed = new Set<string>()
  /** What ioredis notes. */
  readonly condition = { subscriber: { channels: () => [...this.subscribed] } }
  refuses = false
  status = 'ready'
  disconnects = 0
  connect = async (): Promise<void> => {}
  disconnect = (): void => { this.disconnects++ }
  ssubscribe = async (name: string): Promise<void> => {
    if (this.refuses) throw new Error('NOPERM')
    this.subscribed.add(name)
  }

  sunsubscribe = async (name: string): Promise<void> => { this.subscribed.delete(name) }
}

function masters (...names: string[]) {
  const known = new Map(names.map((name) => [name, new FakeMaster()]))
  const placed = new Map<string, string>()
  const clock = new FakeClock()
  const reported = { gaps: 0, health: undefined as string | undefined }
  const masterOf = (name: string) => placed.get(name) ?? /@(\w+)/.exec(name)?.[1]
  const connections = {
    refresh: () => {},
    masters: () => [...known.keys()],
    masterOf,
    nameAt: (master: string, nameOf: (text: string) => string): string => {
      const names = Array.from({ length: 9 }, (_, i) => nameOf(`${i}@${master}`))
      return names.find((name) => masterOf(name) === master) as string
    },
    subscriber: (master: string) => known.get(master)
  }
  const masterNamedIn = (name: string) => known.get(/@(\w+)/.exec(name)?.[1] as string)
  const publisher: Publisher = {
    publish: async (name, _kind, body) => {
      masterNamedIn(name)?.emit('smessageBuffer', Buffer.from(name), Buffer.concat([Buffer.from('1o'), body]))
    }
  }
  const subscriptions = new RedisSubscriptions({
    connections: connections as never,
    publisher,
    events: {
      gap: () => { reported.gaps++ }, issueChanged: (issue) => { reported.health = issue?.kind }, refused () {}
    },
    clock,
    poison: new PoisonReports(silentLog, () => 0),
    probeName: (text) => `probe ${text}`
  })
  const ready = async (name: string) => {
    known.get(name)?.emit('ready')
    await turn()
  }
  return { known, placed, clock, reported, subscriptions, ready }
}

t.test('Redis subscriptions', async (t) => {
  t.test('subscriptions: a name is subscribed at its master once that is known', async (t) => {
    const { known, placed, subscriptions, ready, reported, clock } = masters('a', 'b')
    const early: string[] = []
    await subscriptions.subscribe('x', { p: (body) => early.push(body.toString()) })
    subscriptions.start()
    t.equal(reported.health, 'closed')
    for (const name of ['a', 'b']) await ready(name)
    t.equal(reported.health, undefined)
    placed.set('x', 'b')
    clock.advance(1_000)
    await turn()
    t.ok(known.get('b')?.subscribed.has('x'))
    known.get('b')?.emit('smessageBuffer', Buffer.from('x'), Buffer.from('1phello'))
    t.strictSame(early, ['hello'])
    subscriptions.close()
    t.equal(clock.pending, 0)
  })

  t.test('subscriptions: they move with their slot, and a gap is reported', async (t) => {
    const { known, placed, subscriptions, ready, reported, clock } = masters('a', 'b')
    placed.set('x', 'a')
    subscriptions.start()
    for (const name of ['a', 'b']) await ready(name)
    await subscriptions.subscribe('x', {})
    t.ok(known.get('a')?.subscribed.has('x'))
    placed.set('x', 'b')
    const { gaps } = reported
    clock.advance(1_000)
    await turn()
    clock.advance(0)
    t.strictSame(
      [known.get('a')?.subscribed.has('x'), known.get('b')?.subscribed.has('x'), reported.gaps - gaps], [false, true, 1]
    )
    const gone = known.get('a') as FakeMaster
    known.delete('a')
    clock.advance(1_000)
    t.equal(gone.disconnects, 1, 'a master that is gone is let go of')
  })

  t.test('subscriptions: names are subscribed again when their slot went and came back, with one gap', async (t) => {
    const { known, placed, subscriptions, ready, reported, clock } = masters('a', 'b')
    for (const name of ['x', 'y']) placed.set(name, 'a')
    placed.set('z', 'b')
    subscriptions.start()
    for (const name of ['a', 'b']) await ready(name)
    for (const name of ['x', 'y', 'z']) await subscriptions.subscribe(name, {})
    for (const { subscribed } of known.values()) subscribed.clear()
    known.get('a')?.emit('moved')
    clock.advance(1_000)
    await turn()
    t.strictSame([...known.get('a')?.subscribed ?? []].filter((name) => name.length === 1), ['x', 'y'])
    t.strictSame([...known.get('b')?.subscribed ?? []], [], 'another master has ended none')
    clock.advance(0)
    t.equal(reported.gaps, 1, 'one gap for both')
    known.get('a')?.subscribed.clear()
    clock.advance(1_000)
    await turn()
    clock.advance(0)
    t.strictSame([...known.get('a')?.subscribed ?? []], [], 'and no second time')
    t.equal(reported.gaps, 1)
    subscriptions.close()
    t.equal(clock.pending, 0)
  })

  t.test('subscriptions: those of many slots move in batches, with one gap in the end', async (t) => {
    const { known, placed, subscriptions, ready, reported, clock } = masters('a', 'b')
    subscriptions.start()
    for (const name of ['a', 'b']) await ready(name)
    const names = Array.from({ length: 250 }, (_, i) => `x${i}`)
    for (const name of names) placed.set(name, 'a')
    await Promise.all(names.map((name) => subscriptions.subscribe(name, {})))
    for (const name of names) placed.set(name, 'b')
    const { gaps } = reported
    const waiting: Array<() => void> = []
    const subscribe = (known.get('b') as FakeMaster).ssubscribe
    const master = Object.assign(known.get('b') as FakeMaster, {
      ssubscribe: (name: string) => new Promise<void>((resolve) => waiting.push(() => resolve(subscribe(name))))
    })
    const moved = () => [...master.subscribed].filter((name) => name.startsWith('x')).length
    clock.advance(1_000)
    for (const size of [98, 100, 52]) {
      await turn()
      t.equal(waiting.length, size, 'a part of the names is requested, after the part before has its answers')
      clock.advance(1_000)
      for (const answer of waiting.splice(0)) answer()
      t.equal(reported.gaps, gaps)
      await turn()
    }
    await turn()
    t.strictSame([moved(), reported.gaps - gaps], [250, 1])
    for (const name of names) placed.set(name, 'a')
    clock.advance(1_000)
    subscriptions.close()
    await turn()
    t.strictSame([reported.gaps - gaps, clock.pending], [1, 0], 'none is reported after the end')
  })

  t.test('subscriptions: one that is under way is not requested again when its master has ended others', async (t) => {
    const { known, placed, subscriptions, ready, reported, clock } = masters('a')
    for (const name of ['x', 'y']) placed.set(name, 'a')
    subscriptions.start()
    await ready('a')
    await subscriptions.subscribe('y', {})
    const master = known.get('a') as FakeMaster
    const requested: string[] = []
    let answer = () => {}
    master.ssubscribe = (name) => new Promise((resolve) => {
      requested.push(name)
      answer = () => {
        master.subscribed.add(name)
        resolve()
      }
    })
    const underWay = subscriptions.subscribe('x', {})
    master.emit('moved')
    subscriptions.refresh()
    t.strictSame(requested, ['x'], 'it is requested once')
    answer()
    await underWay
    clock.advance(0)
    t.equal(reported.gaps, 0, 'and it has no gap, because it begins')
    subscriptions.close()
    t.equal(clock.pending, 0)
  })

  t.test('subscriptions: a probe whose slot moves is replaced by one that belongs to its master', async (t) => {
    const { known, placed, subscriptions, ready, reported, clock } = masters('a', 'b')
    subscriptions.start()
    for (const name of ['a', 'b']) await ready(name)
    const [first] = subscriptions.probeNames as [string]
    t.equal(first, 'probe 0@a')
    const master = known.get('a') as FakeMaster
    master.sunsubscribe = async () => { throw new Error('MOVED 1 b') }
    placed.set(first, 'b')
    clock.advance(1_000)
    await turn()
    t.strictSame(subscriptions.probeNames, ['probe 1@a', 'probe 0@b'])
    t.ok(master.subscribed.has('probe 1@a'))
    t.notOk(known.get('b')?.subscribed.has(first), 'the old one is gone')
    clock.advance(3_000)
    await turn()
    t.equal(reported.health, undefined, 'the new ones return')
    t.equal(reported.gaps, 0, 'a probe has no messages to miss')
    subscriptions.close()
    t.equal(clock.pending, 0)
  })

  t.test('subscriptions: a refused subscription rejects and is not tried again', async (t) => {
    const { known, placed, subscriptions, ready, clock } = masters('a')
    placed.set('x', 'a')
    subscriptions.start()
    await ready('a')
    const master = known.get('a') as FakeMaster
    master.refuses = true
    await t.rejects(subscriptions.subscribe('x', {}), { message: 'NOPERM' })
    await Promise.allSettled([subscriptions.subscribe('x', {}), subscriptions.subscribe('x', {})])
    master.refuses = false
    clock.advance(5_000)
    await turn()
    t.notOk(master.subscribed.has('x'))
    await subscriptions.subscribe('x', {})
    t.ok(master.subscribed.has('x'))
  })

  t.test('subscriptions: a new connection restores them', async (t) => {
    const { known, placed, subscriptions, ready, reported } = masters('a')
    placed.set('x', 'a')
    subscriptions.start()
    await ready('a')
    const master = known.get('a') as FakeMaster
    master.ssubscribe = async () => {
      master.emit('close')
      master.emit('close')
      throw new Error('Connection is closed.')
    }
    await subscriptions.subscribe('x', {})
    t.equal(reported.health, 'closed')
    master.ssubscribe = async (name) => { master.subscribed.add(name) }
    await ready('a')
    t.ok(master.subscribed.has('x'))
    master.ssubscribe = async () => { throw new Error('LOADING') }
    await ready('a')
    t.equal(master.disconnects, 1, 'a restoration that fails starts again')
  })

  t.test('subscriptions: an unused one ends after 1 s unless it is used again', async (t) => {
    const { known, placed, subscriptions, ready, clock } = masters('a')
    for (const name of ['x', 'y']) placed.set(name, 'a')
    subscriptions.start()
    await ready('a')
    const heard: string[] = []
    for (const name of ['x', 'y']) await subscriptions.subscribe(name, { p: () => heard.push(name) })
    for (const name of ['x', 'y', 'never']) await subscriptions.unsubscribe(name)
    for (const name of ['x', 'y', 'never']) known.get('a')?.emit('smessageBuffer', Buffer.from(name), Buffer.from('1p'))
    t.strictSame(heard, [], 'nothing is heard meanwhile')
    await subscriptions.subscribe('x', { p: () => heard.push('x again') })
    clock.advance(1_000)
    await turn()
    t.strictSame([...known.get('a')?.subscribed ?? []].filter((name) => name.length === 1), ['x'])
    known.get('a')?.emit('smessageBuffer', Buffer.from('x'), Buffer.from('1p'))
    t.strictSame(heard, ['x again'])
    await subscriptions.unsubscribe('x')
    subscriptions.close()
    t.equal(clock.pending, 0)
  })

  t.test('subscriptions: a connection without probes is replaced', async (t) => {
    const { known, subscriptions, ready, clock, reported } = masters('a')
    subscriptions.start()
    await ready('a')
    const master = known.get('a') as FakeMaster
    master.removeAllListeners('smessageBuffer')
    for (let i = 0; i < 3; i++) {
      clock.advance(1_000)
      await turn()
    }
    t.strictSame([master.disconnects, reported.health], [1, 'silent'])
  })

  t.test('subscriptions: a connection that is being made is not interrupted', async (t) => {
    const { known, subscriptions, ready, clock, reported } = masters('a')
    subscriptions.start()
    await ready('a')
    const master = known.get('a') as FakeMaster
    master.removeAllListeners('smessageBuffer')
    for (master.status of ['connecting', 'reconnecting']) {
      clock.advance(5_000)
      await turn()
    }
    t.strictSame([master.disconnects, reported.health], [0, 'silent'])
  })
})

t.test('subscriptions: without a known master the issue is reported', async (t) => {
  const { subscriptions, reported, clock } = masters()
  subscriptions.start()
  t.equal(reported.health, 'closed')
  subscriptions.close()
  t.equal(clock.pending, 0)
})

t.test('Redis adapter: without Redis at the start the node knows its own users, and other calls reject', async (t) => {
  const client = new Redis('redis://127.0.0.1:1', { lazyConnect: true })
  const adapter = new RedisAdapter({ client, clock: systemClock, log: silentLog })
  adapter.start(noEvents)
  t.match(adapter.status, { state: 'degraded', since: Number, reason: String })
  await adapter.pubsub.subscribe('x')
  await adapter.presence.enter('x', { connection: '1', user: 'ann', data: { n: 1 } })
  await adapter.presence.enter('x', { connection: '2', user: 'ann', data: { n: 2 } })
  t.strictSame(await adapter.presence.list('x'), { epoch: '', sequence: 0, entries: [{ user: 'ann', data: { n: 2 } }] })
  t.strictSame((await adapter.presence.list('y')).entries, [])
  const unknown = [
    adapter.presence.count('x'),
    adapter.history.read('x'),
    adapter.history.positions(['x']),
    adapter.quota.acquire('ann', '1', 1),
    adapter.presence.exit('x', '1'),
    adapter.pubsub.publish('x', Buffer.from('{}')),
    adapter.nodes.revoke('user x', Date.now() + 1)
  ]
  for (const outcome of await Promise.allSettled<unknown>(unknown)) {
    t.ok(
      outcome.status === 'rejected' && outcome.reason instanceof RedisUnavailable
    )
  }
  t.strictSame(await adapter.nodes.request('well?', 100), { results: [], missing: ['unknown'] })
  await t.resolves(adapter.close())
  await t.resolves(
    new RedisAdapter({ client, clock: systemClock, log: silentLog }).close(), 'nor does one that never started'
  )
})

t.test('script runner: a temporary refusal is RedisUnavailable, and a script error keeps its message', async (t) => {
  const failing = (message: string) => {
    const fail = async () => { throw Object.assign(new Error(message), { name: 'ReplyError' }) }
    const runner = new ScriptRunner({ evalsha: fail, eval: fail } as never, () => {})
    return runner.run({ name: 'x', lua: '', binary: false }, [], [])
  }
  for (const message of [
    'LOADING Redis is loading', 'READONLY You can\'t write', 'CLUSTERDOWN Hash slot not served', 'BUSY Redis is busy'
  ]) t.ok(await failing(message).catch((error: unknown) => error) instanceof RedisUnavailable)
  await t.rejects(failing('ERR user_script:1'), { name: 'ReplyError' })
  await t.rejects(failing('NOSCRIPT, twice'), { name: 'ReplyError' })
})

/** A node's time, which the test can stop: its timers wait until it goes on. */
class StoppedClock implements Clock {
  #waiting: Array<() => void> | undefined
  now = systemClock.now
  clearTimeout = systemClock.clearTimeout
  setTimeout = (fn: () => void, ms: number) =>
    systemClock.setTimeout(() => this.#waiting ? this.#waiting.push(fn) : fn(), ms)

  stop (): void {
    this.#waiting = []
  }

  goOn (): void {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const fn of waiting) fn()
  }
}

t.test('presence: the users of a node that slept past its lease leave once and return', async (t) => {
  const redis = await startRedis(t)
  const clock = new StoppedClock()
  const { adapter: asleep } = await start(t, redis.url, silentLog, clock)
  const { adapter: awake, reported } = await start(t, redis.url)
  await awake.pubsub.subscribe('x')
  const users = Array.from({ length: 1_500 }, (_, i) => `user ${i}`)
  await Promise.all(users.map((user) => asleep.presence.enter('x', { connection: user, user, data: {} })))
  await until(() => awake.liveNodes === 2)
  clock.stop()
  await until(async () => await awake.presence.count('x') === 0)
  t.equal(awake.liveNodes, 1)
  await until(() => reported.changes.flatMap(({ left = [] }) => left).length >= users.length)
  t.strictSame(
    reported.changes.flatMap(({ left = [] }) => left).sort(), [...users].sort(), 'each was reported to have left, once'
  )
  // What it writes while it knows nothing of that is refused, and is said again under a new lease.
  await asleep.presence.enter('x', { connection: 'late', user: 'late', data: {} })
  clock.goOn()
  await until(async () => await awake.presence.count('x') === users.length + 1)
  t.equal(new Set((await awake.presence.list('x')).entries.map(({ user }) => user)).size, users.length + 1)
})

t.test('presence: the next check restores lost entries and removes entries without a connection', async (t) => {
  const redis = await startRedis(t)
  const hasty: Clock = { ...systemClock, setTimeout: (fn, ms) => systemClock.setTimeout(fn, ms === 30_000 ? 100 : ms) }
  const { adapter } = await start(t, redis.url, silentLog, hasty)
  const name = (part: string) => new Keys('fastify-channels').ofChannel('x', part)
  for (const user of ['ann', 'bob']) await adapter.presence.enter('x', { connection: user, user, data: {} })
  const [entries] = (await redis.cli('KEYS', name('entries:*').replace(/[{}]/g, '?'))) as [string]
  await redis.cli('HDEL', entries, 'ann')
  await redis.cli('HDEL', name('refs'), 'ann')
  await redis.cli('HDEL', name('data'), 'ann')
  await redis.cli('HSET', entries, 'ghost', '1 eve')
  await redis.cli('HSET', name('refs'), 'eve', '1')
  await redis.cli('HSET', name('data'), 'eve', '{}')
  await redis.cli('HSET', name('incarnations'), '1', '1')
  const usersOf = async () => (await adapter.presence.list('x')).entries.map(({ user }) => user).sort().join()
  await until(async () => await usersOf() === 'ann,bob')
  await until(async () => await redis.cli('HEXISTS', name('incarnations'), '1') === 0)
  t.pass('and an incarnation that nobody knows is swept')
})

t.test('presence: another node ends the grace period of a closed node', async (t) => {
  const redis = await startRedis(t)
  const { adapter: first } = await start(t, redis.url)
  const { adapter: second } = await start(t, redis.url)
  for (const user of ['ann', 'bob']) await first.presence.enter('x', { connection: user, user, data: {} })
  await second.presence.enter('x', { connection: 'cy', user: 'cy', data: {} })
  await first.presence.exit('x', 'ann', 400)
  await first.close()
  t.equal(await second.presence.count('x'), 2, 'she is there until it is over')
  await until(async () => await second.presence.count('x') === 1)
})

t.test('quota: the connections of a closed node no longer count', async (t) => {
  const redis = await startRedis(t)
  const { adapter: first } = await start(t, redis.url)
  const { adapter: second } = await start(t, redis.url)
  await until(() => first.liveNodes === 2 && second.liveNodes === 2)
  t.match(
    [await first.quota.acquire('ann', '1', 1), await second.quota.acquire('ann', '2', 1)],
    [{ granted: true }, { granted: false, retryAfter: 1_000 }]
  )
  await first.close()
  t.match(await second.quota.acquire('ann', '2', 1), { granted: true })
  await second.quota.release('ann', 'nobody')
  t.match(await second.quota.acquire('ann', '3', 1), { granted: false })
})

/** Presence over a Redis that answers what the test says. */
function scripted (answers: Record<string, unknown[]>) {
  const run: Array<readonly [name: string, args: readonly unknown[]]> = []
  const always: Record<string, unknown> = {
    renew: ['5', '', '1000', '0', '5', 'node'],
    'index-channel': 'done',
    'check-entries': [[], []],
    apply: ['done', ''],
    sweep: ['0', '0', ''],
    'indexed-channels': []
  }
  const scripts = {
    run: async (script: Script, _keys: readonly string[], args: readonly unknown[]) => {
      run.push([script.name, args])
      return answers[script.name]?.shift() ?? always[script.name]
    }
  }
  const clock = new FakeClock()
  const log = new Lines()
  const timings = { ...clusterTimings, leaseRenewalMs: 100, leaseTtlMs: 300 }
  const deps = {
    nodeId: 'node',
    scripts,
    keys: new Keys('p'),
    clock,
    timings,
    random: () => 0.5,
    reportFailure: (err: unknown, text: string) => log.warn({ err }, text)
  } as unknown as RedisDeps
  const lease = new Lease(deps)
  const presence = new RedisPresence(deps, lease)
  return { presence, lease, clock, log, run, names: () => run.map(([name]) => name) }
}

t.test('presence changes under an expired lease', async (t) => {
  const claim = { connection: '1', user: 'ann', data: undefined }

  t.test('presence: an entry is made again after the index refused a dead incarnation', async (t) => {
    const { presence, names } = scripted({ 'index-channel': ['dead'] })
    await presence.enter('x', claim)
    await turn()
    t.strictSame(names().slice(0, 3), ['renew', 'check-entries', 'index-channel'])
    t.ok(names().includes('apply'))
  })

  t.test('presence: a stale change is applied again with the same version', async (t) => {
    const { presence, run } = scripted({ apply: [['stale']] })
    await presence.enter('x', claim)
    await turn()
    const applied = run.filter(([name]) => name === 'apply').map(([, args]) => args.slice(4))
    t.ok(applied.length >= 2)
    t.strictSame(applied.at(-1), applied[0], 'the same, version and all')
    t.match(applied[0], ['+', Number, '1', 'ann', 'null'])
  })

  t.test('presence: an entry that exits meanwhile is not made again', async (t) => {
    let answer: (checked: unknown) => void = () => {}
    const { presence, lease, run } = scripted({
      'check-entries': [[[], []], new Promise((resolve) => { answer = resolve })]
    })
    await presence.enter('x', claim)
    await lease.renew()
    presence.reconcile()
    await turn()
    const before = run.length
    const exiting = presence.exit('x', '1')
    answer([['5'], []])
    await exiting
    await turn()
    t.notOk(run.slice(before).some(([, args]) => args.includes('+') && args.includes('ann')))
  })

  t.test('presence: a repair that an outage interrupts is made by the next check', async (t) => {
    const away = { then: (_resolve: unknown, reject: (error: Error) => void) => reject(new RedisUnavailable('away')) }
    const answers: Record<string, unknown[]> = { apply: [], 'index-channel': [], 'check-entries': [] }
    const { presence, run, names } = scripted(answers)
    await presence.enter('x', claim)
    await turn()
    answers.apply?.push(away)
    await t.rejects(presence.exit('x', '1'), { message: 'away' }, 'the exit does not reach Redis')
    answers['check-entries']?.push([[], ['1']])
    answers['index-channel']?.push(away)
    presence.reconcile()
    await turn()
    t.equal(names().at(-1), 'index-channel', 'the first repair is interrupted')
    const before = run.length
    answers['check-entries']?.push([[], ['1']])
    presence.reconcile()
    await turn()
    const repairs = run.slice(before).filter(([name]) => name === 'apply').map(([, args]) => args.slice(4, 7))
    t.match(repairs, [['-', Number, '1']], 'the entry is removed')
    const checks = names().filter((name) => name === 'check-entries').length
    presence.reconcile()
    await turn()
    t.equal(names().filter((name) => name === 'check-entries').length, checks, 'the empty channel is not checked again')
  })

  t.test('lease: a renewal after resign sends nothing to Redis', async (t) => {
    const { lease, names } = scripted({})
    await lease.renew()
    await lease.resign()
    const before = names().length
    await lease.renew()
    t.equal(names().length, before, 'no script ran after resign')
  })

  t.test('lease: an incarnation newer than the last renewal is not dead', async (t) => {
    const { lease } = scripted({})
    await lease.renew()
    t.strictSame(['4', '5', '6'].map((incarnation) => lease.isDead(incarnation)), [true, false, false],
      'only an older incarnation without a lease is dead')
  })

  t.test('presence: ending a grace period is tried again until Redis has done it', async (t) => {
    const answers = { apply: [] as unknown[] }
    const { presence, clock, names } = scripted(answers)
    const pass = async (ms: number) => {
      clock.advance(ms)
      await turn()
      await turn()
    }
    await presence.enter('x', claim)
    await turn()
    answers.apply.push(['done', '150'])
    await presence.exit('x', '1', 150)
    answers.apply.push(['dead'])
    const before = names().length
    await pass(200)
    t.equal(answers.apply.length, 0, 'the first call was refused')
    await pass(200)
    const calls = names().slice(before).filter((name) => name === 'apply')
    t.ok(calls.length >= 2, 'the refused call was repeated')
  })

  t.test('presence: grace periods of a dead node that were not taken over are logged', async (t) => {
    const { lease, log } = scripted({
      renew: [['5', '4', '1000', '0', '5', 'node']],
      'indexed-channels': [['x']],
      sweep: [['0', '0', '50']],
      apply: [['dead']]
    })
    await lease.renew()
    await turn()
    await turn()
    t.strictSame(log.lines, ['warn: presence may be out of date: check the connection to Redis'])
  })
})

t.test('nodes: ended revocations are forgotten, and an answer over the size limit is missing', async (t) => {
  const redis = await startRedis(t)
  const { adapter: first, reported } = await start(t, redis.url)
  const { adapter: second } = await start(t, redis.url)
  await until(() => first.liveNodes === 2 && second.liveNodes === 2)
  const over = Date.now() + 1_000
  await second.nodes.revoke('user short', over)
  await second.nodes.revoke('user long', Date.now() + 60_000)
  await until(() => reported.revoked.length === 2)
  const { adapter: third, reported: toThird } = await start(t, redis.url)
  await until(() => toThird.revoked.includes('user long'))
  await redis.restart()
  await until(() => [first, second, third].every(({ status }) => status.state === 'up'))
  await until(() => Date.now() > over)
  const { reported: toFourth } = await start(t, redis.url)
  await until(() => toFourth.revoked.includes('user long'))
  t.notOk(toFourth.revoked.includes('user short'))
  await until(() => first.liveNodes >= 4)
  const { missing } = await first.nodes.request('x'.repeat(1_100_000), 300)
  t.ok(missing.length >= 2)
  for (let i = 0; i < 1_001; i++) await first.nodes.request(i, 2_000)
})

t.test('Redis revocations', async (t) => {
  /** What one node's revocations tell Redis, which knows `held`. */
  function revocations (held: string[] = []) {
    const clock = new FakeClock(1_000)
    const reported: unknown[][] = []
    const run = async (_script: unknown, _keys: unknown, [, wanted, ...rest]: unknown[]) => {
      const keys = rest.filter((_, i) => i % 3 === 0)
      reported.push(keys)
      return ['1000', ...wanted === 'all' ? held : keys.flatMap((key) => [key, '9000'])]
    }
    const learnt: string[] = []
    const events = { revoked: (key: string) => learnt.push(key) }
    const deps = { scripts: { run }, keys: new Keys('p'), clock, events } as unknown as RedisDeps
    return { clock, reported, learnt, own: new RedisRevocations(deps) }
  }

  t.test('revocations: ended ones are removed, and a revocation does not read the others', async (t) => {
    const { clock, reported, learnt, own } = revocations(['user eve', '9000'])
    for (let i = 0; i < 10_000; i++) {
      await own.revoke(`jti ${i}`, clock.now() + 100)
      clock.advance(1)
    }
    t.ok(own.size <= 1_000, `${own.size} are kept of a hundred that hold`)
    t.strictSame([reported.length, learnt], [10_000, []])
    await own.restore()
    t.strictSame(learnt, ['user eve'], 'those of others are learnt with the next restore')
    t.equal(own.size, 100, 'and all that is over is gone')
  })

  t.test('revocations: a second one that ends earlier changes nothing', async (t) => {
    const { reported, own } = revocations()
    await own.revoke('user eve', 9_000)
    await own.revoke('user eve', 8_000)
    t.equal(own.size, 1)
    t.strictSame(reported[1], reported[0], 'the later end is reported again')
  })

  t.test('revocations: they are restored in pages of 1,000', async (t) => {
    const { reported, own } = revocations()
    for (let i = 0; i < 2_500; i++) await own.revoke(`jti ${i}`, 9_000)
    reported.length = 0
    await own.restore()
    t.strictSame(reported.map(({ length }) => length), [1_000, 1_000, 500, 0])
    t.equal(new Set(reported.flat()).size, 2_500)
  })

  t.test('revocations: the later of two ends counts, and each is reported once', async (t) => {
    const redis = await startRedis(t)
    const nodes = [await start(t, redis.url), await start(t, redis.url)] as const
    await until(() => nodes.every(({ adapter }) => adapter.liveNodes === 2))
    const later = Date.now() + 60_000
    await nodes[0].adapter.nodes.revoke('user eve', later)
    await nodes[1].adapter.nodes.revoke('user eve', later - 30_000)
    await nodes[1].adapter.nodes.revoke('user bob', later)
    await until(() => nodes[0].reported.revoked.includes('user bob'))
    t.strictSame(nodes.map(({ reported }) => reported.revoked), [['user bob'], ['user eve']])
    const client = new Redis(redis.url)
    t.teardown(async () => client.disconnect())
    const key = new Keys('fastify-channels').shared('revocations')
    const stored = await client.zrange(key, '0', '-1', 'WITHSCORES')
    t.strictSame([stored[0], stored[2]].sort(), ['user bob', 'user eve'])
    for (const end of [stored[1], stored[3]]) t.ok(Math.abs(Number(end) - later) < 5_000, 'the later end is stored')
    t.equal(await client.pexpiretime(key), Math.max(Number(stored[1]), Number(stored[3])), 'the key ends with the last')
    await nodes[0].adapter.nodes.revoke('user cleo', Number.MAX_VALUE)
    t.ok(await client.pttl(key) > 60_000, 'an end that Redis cannot store as an expiry is far enough')
  })
})
