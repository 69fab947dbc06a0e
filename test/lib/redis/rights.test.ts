import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Cluster, Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { systemClock } from '../../../lib/clock.ts'
import { clusterTimings } from '../../../lib/cluster/timings.ts'
import { Keys } from '../../../lib/redis/keys.ts'
import { RedisAdapter } from '../../../lib/redis/redis-adapter.ts'
import { findRightsIssue } from '../../../lib/redis/health/rights.ts'
import { RedisUnavailable, type Script } from '../../../lib/redis/script-runner.ts'
import type { Logger } from '../../../lib/logger.ts'
import { startCluster, startRedis, startReplicated, startSentinel, type RedisServer } from '../../support/redis.ts'
import { root } from '../../support/root.ts'
import { until } from '../../support/until.ts'

const rights = ['~fastify-channels:*', '&fastify-channels:*', '+@all']
const grant = (redis: RedisServer, ...rules: string[]) => redis.cli('ACL', 'SETUSER', 'app', 'on', '>secret', ...rules)

interface Node { readonly adapter: RedisAdapter, readonly errors: string[], readonly received: string[] }

const app = { username: 'app', password: 'secret' }

/** A node with the rights of the user `app`. */
function startNode (t: Test, redis: RedisServer): Node {
  return startNodeOn(t, new Redis(redis.port, { lazyConnect: true, ...app }))
}

function startNodeOn (t: Test, client: Redis | Cluster): Node {
  const errors: string[] = []
  const received: string[] = []
  const add = (_: object, text: string) => { errors.push(text) }
  const log: Logger = { info () {}, warn: add, error: add, child: () => log }
  const timings = { ...clusterTimings, leaseRenewalMs: 100, leaseTtlMs: 300 }
  const adapter = new RedisAdapter({ client, clock: systemClock, log, timings })
  adapter.start({
    message: (_channel, encoded) => received.push(encoded.toString()),
    presenceChanged: (_channel, _version, { joined = [] }) => received.push(...joined.map(({ user }) => user)),
    entriesAppended: (_channel, _epoch, entries) => received.push(...entries.map(({ entry: { id } }) => id)),
    gap: () => {},
    revoked: (key) => received.push(key),
    requested: (request) => request
  })
  t.teardown(() => adapter.close())
  return { adapter, errors, received }
}

const reasonOf = ({ adapter: { status } }: Node) => status.state === 'degraded' ? status.reason : 'none'
const append = (id: string) => ({ id, encoded: Buffer.from('{}'), whenSlow: undefined, limit: 10, ttl: 60_000 })

const notRun = { message: /^Redis did not run the script/ }

t.test('Redis rights: without the rights for pub/sub an append is refused and leaves nothing behind', async (t) => {
  const redis = await startRedis(t)
  await grant(redis, ...rights, '-spublish', '-ssubscribe')
  const node = startNode(t, redis)
  await until(() => reasonOf(node).includes('lacks rights'))
  const missing = /may not run SPUBLISH, SSUBSCRIBE on fastify-channels:\{c:x\}:pubsub/
  t.match(reasonOf(node), missing, 'the reason names them')
  t.match(node.errors, [/lacks rights: it may not run SPUBLISH, SSUBSCRIBE .*: grant them/], 'one line is logged')
  for (let i = 0; i < 3; i++) {
    await t.rejects(node.adapter.history.append('x', append('1')), notRun, 'the append is refused')
  }
  await t.rejects(node.adapter.nodes.revoke('user ann', Date.now() + 60_000), notRun, 'so is a revocation')
  await node.adapter.presence.enter('x', { connection: '1', user: 'ann', data: {} })
  t.strictSame(await redis.cli('KEYS', '*stream'), [], 'no entry was written')
  t.strictSame(await redis.cli('KEYS', '*:refs'), [], 'no user is present without an announcement')
  await grant(redis, ...rights)
  await until(() => node.adapter.status.state === 'up')
  t.match(await node.adapter.history.append('x', append('1')), { outcome: 'appended' }, 'it works with the rights')
  await until(async () => await node.adapter.presence.count('x') === 1)
  t.equal(node.errors.length, 1, 'nothing else was logged')
})

t.test('Redis rights: a right lost at run time is named, and an append is refused', async (t) => {
  const redis = await startRedis(t)
  await grant(redis, ...rights)
  const node = startNode(t, redis)
  await until(() => node.adapter.status.state === 'up')
  await node.adapter.history.append('x', append('1'))
  await grant(redis, '-xadd')
  await t.rejects(node.adapter.history.append('x', append('2')), notRun, 'the append is refused')
  await until(() => reasonOf(node).includes('may not run XADD on'))
  await grant(redis, '+xadd')
  await until(() => node.adapter.status.state === 'up')
  await grant(redis, 'resetchannels')
  await t.rejects(node.adapter.history.append('x', append('3')), notRun, 'the append is refused')
  await until(() => reasonOf(node).includes('may not run SPUBLISH, SSUBSCRIBE on'))
  await grant(redis, ...rights)
  await until(() => node.adapter.status.state === 'up')
  await grant(redis, '-ssubscribe')
  await t.rejects(node.adapter.pubsub.subscribe('y'), /NOPERM/, 'a subscription is refused')
  await until(() => reasonOf(node).includes('may not run SSUBSCRIBE on'))
  t.equal((await node.adapter.history.read('x')).entries.length, 1, 'no refused append was written')
})

t.test('Redis rights: a right that a script needs late is missing before its first write', async (t) => {
  const redis = await startRedis(t)
  await grant(redis, ...rights)
  const node = startNode(t, redis)
  await until(() => node.adapter.status.state === 'up')
  const { history, idempotency, nodes, presence, quota } = node.adapter
  await history.append('x', append('1'))
  let offset = 1
  for (const command of ['HMGET', 'HSET', 'PEXPIRE', 'XADD', 'XRANGE', 'SPUBLISH']) {
    await grant(redis, `-${command}`)
    await t.rejects(history.append('x', append(command)), notRun, `an append is refused without ${command}`)
    t.match(await redis.cli('HGET', 'fastify-channels:{c:x}:history', 'offset'), `${offset}`, 'and does not count')
    await grant(redis, `+${command}`)
    const again = { outcome: 'appended', position: { offset: ++offset } }
    t.match(await history.append('x', append(command)), again, 'with the right it is appended')
  }
  await grant(redis, '-PEXPIRE', '-PEXPIREAT', '-ZSCORE')
  await t.rejects(idempotency.claim('x', { id: 'm', contentHash: 'h', owner: 'a' }), notRun, 'a claim is refused')
  await t.rejects(quota.acquire('ann', '1', 1), notRun, 'a statement of connections is refused')
  await t.rejects(nodes.revoke('user eve', Date.now() + 60_000), notRun, 'a revocation is refused')
  await t.rejects(history.clear('x'), notRun, 'a deletion is refused')
  await presence.enter('y', { connection: '1', user: 'ann', data: {} })
  const late = startNode(t, redis)
  await until(() => reasonOf(late).includes('may not run'))
  t.equal(await redis.cli('XLEN', 'fastify-channels:{c:x}:stream'), 7, 'the history is still there')
  const written = ['{c:y}*', '*:claim*', '*{u:ann}*', '*:revocations'].map((keys) => redis.cli('KEYS', keys))
  t.strictSame((await Promise.all(written)).flat(), [], 'none of them wrote anything')
  t.equal(await redis.cli('HLEN', 'fastify-channels:{n:}:nodes'), 1, 'nor did the lease of a node that started')
})

t.test('Redis rights: an append that failed in the middle does not block its channel', async (t) => {
  const redis = await startRedis(t)
  await grant(redis, ...rights)
  const { adapter: { history } } = startNode(t, redis)
  await until(async () => await history.append('x', append('1')).then(() => true, () => false))
  const surplus = (id: string, entry: string) => redis.cli('XADD', 'fastify-channels:{c:x}:stream', entry,
    'id', id, 'message', '{}', 'hash', 'h', 'prev', 'p', 'slow', '', 'time', '1')
  await surplus('2', '2-0')
  await surplus('3', '3-0')
  await redis.cli('HSET', 'fastify-channels:{c:x}:ids0', '2', '2 h', '3', '3 h')
  t.match(await history.append('x', append('2')), { outcome: 'appended', position: { offset: 2 } }, 'it is appended')
  t.match(await history.append('x', append('3')), { outcome: 'appended', position: { offset: 3 } }, 'so is the next')
  t.match(await history.append('x', append('2')), { outcome: 'duplicate', position: { offset: 2 } }, 'and known')
  t.strictSame((await history.read('x')).entries.map(({ id }) => id), ['1', '2', '3'], 'nothing else is there')
})

/** The rules of a line of the documentation, and those that it adds for a Cluster. */
function documented (pattern: RegExp): string[] {
  return String(pattern.exec(readFileSync(`${root}docs/scaling.md`, 'utf8'))?.[1]).split(' ')
}

const appRules = documented(/ACL SETUSER app on >secret (.*)/)
const clusterRules = documented(/ACL SETUSER app (\+cluster.*)/)
const sentinelRules = documented(/ACL SETUSER watcher on >secret (.*)/)

/** Uses all that the adapter does with Redis, on one node, and what it causes on the other one. */
async function useEverything (t: Test, a: Node, b: Node): Promise<void> {
  await until(() => [a, b].every(({ adapter }) => adapter.status.state === 'up' && adapter.liveNodes === 2))
  await b.adapter.pubsub.subscribe('x')
  await a.adapter.pubsub.publish('x', Buffer.from('"message"'))
  await a.adapter.presence.enter('x', { connection: '1', user: 'ann', data: {} })
  await a.adapter.presence.exit('x', '1', 50)
  await a.adapter.quota.acquire('ann', '1', 1)
  await a.adapter.quota.release('ann', '1')
  await a.adapter.nodes.revoke('user eve', Date.now() + 60_000)
  const claim = { id: 'm', contentHash: 'h', owner: 'a' }
  await a.adapter.idempotency.claim('x', claim)
  await a.adapter.idempotency.release('x', claim)
  await a.adapter.idempotency.claim('x', claim)
  await a.adapter.history.append('x', append('entry'))
  await a.adapter.idempotency.finish('x', claim, '1', [])
  t.equal((await a.adapter.history.read('x')).entries.length, 1, 'the history has the entry')
  t.match(await a.adapter.nodes.request('well?', 2_000), { missing: [] }, 'the other node answers')
  await until(() => ['"message"', 'ann', 'user eve', 'entry'].every((event) => b.received.includes(event)))
  await until(async () => await b.adapter.presence.count('x') === 0)
  t.strictSame([...a.errors, ...b.errors], [], 'no right is missing')
}

t.test('Redis rights: those in the documentation are enough', async (t) => {
  const redis = await startRedis(t)
  await grant(redis, ...appRules)
  await useEverything(t, startNode(t, redis), startNode(t, redis))
})

t.test('Redis rights: those in the documentation are enough for a durable history', async (t) => {
  const [master] = await startReplicated(t)
  await grant(master, ...appRules, ...documented(/`(\+wait \+role)`/))
  const { adapter } = startNode(t, master)
  await until(() => adapter.status.state === 'up')
  const appended = await adapter.history.append('x', append('entry'))
  const { hash } = (appended as { readonly position: { readonly hash: string } }).position
  t.ok(await adapter.history.confirm('x', [{ id: 'entry', hash }], { replicas: 1, timeoutMs: 10_000 }))
})

/** What is named when a rule of the documentation is missing. */
const named: Readonly<Record<string, RegExp>> = {
  '~fastify-channels:*': /: it may not use fastify-channels:\{c:x\}:history, /,
  '&fastify-channels:*': /: it may not run SPUBLISH, SSUBSCRIBE on fastify-channels:\{c:x\}:pubsub, /,
  '+@read': /: it may not run EXISTS, GET, .*ZSCORE on /,
  '+@write': /: it may not run DEL, HDEL, .*ZREMRANGEBYSCORE on /,
  '+@pubsub': /: it may not run SPUBLISH, SSUBSCRIBE, SUNSUBSCRIBE on /,
  '+eval': /: it may not run EVAL on /,
  '+evalsha': /: NOPERM .*'?evalsha'?/,
  '+time': /: it may not run TIME on /,
  '+cluster|slots': / \(NOPERM .*'?cluster\|slots'?/,
  '+sentinel|get-master-addr-by-name': / \(NOPERM .*'?sentinel\|get-master-addr-by-name'?/,
  '+sentinel|sentinels': / \(NOPERM .*'?sentinel\|sentinels'?/
}

/** Each rule is missing once: it is logged once, and the node works once `grantTo` has granted it. */
async function eachMissing (
  t: Test, rules: readonly string[], startWithout: (rule: string) => Promise<Node>, grantRule: (rule: string) => unknown
): Promise<void> {
  await Promise.all(rules.map(async (rule) => {
    const node = await startWithout(rule)
    await until(() => node.errors.length > 0)
    t.match(node.errors, [named[rule]], `${rule} is logged`)
    t.ok(reasonOf(node).length > 20 && node.errors[0]?.startsWith(reasonOf(node)), 'as the reason')
    await grantRule(rule)
    await until(() => node.adapter.status.state === 'up')
    t.equal(node.errors.length, 1, 'nothing else is logged')
  }))
}

t.test('Redis rights: each rule of the documentation is needed, and named when it is missing', async (t) => {
  const redis = await startRedis(t)
  // The scripts of a node with all rights are there, so that EVALSHA alone would do.
  const node = startNodeOn(t, new Redis(redis.port, { lazyConnect: true }))
  await until(() => node.adapter.status.state === 'up')
  const startWithout = async (rule: string) => {
    const rules = appRules.filter((other) => other !== rule)
    await redis.cli('ACL', 'SETUSER', `without${rule}`, 'on', '>secret', ...rules)
    return startNodeOn(t, new Redis(redis.port, { ...app, username: `without${rule}`, lazyConnect: true }))
  }
  await eachMissing(t, appRules, startWithout, (rule) => redis.cli('ACL', 'SETUSER', `without${rule}`, rule))
})

t.test('Redis rights: those in the documentation are enough on a Cluster', async (t) => {
  const servers = await startCluster(t)
  for (const server of servers) await grant(server, ...appRules, ...clusterRules)
  const startOne = () => {
    const client = new Cluster(servers.map(({ port }) => ({ host: '127.0.0.1', port })), {
      lazyConnect: true, redisOptions: app
    })
    return startNodeOn(t, client)
  }
  await useEverything(t, startOne(), startOne())
  const [rule = ''] = clusterRules
  for (const server of servers) await server.cli('ACL', 'SETUSER', 'app', `-${rule.slice(1)}`)
  await eachMissing(t, clusterRules, async () => startOne(), async () => {
    for (const server of servers) await server.cli('ACL', 'SETUSER', 'app', rule)
  })
})

t.test('Redis rights: those in the documentation are enough with Sentinel', async (t) => {
  const { master, sentinel } = await startSentinel(t)
  await grant(master, ...appRules)
  const asAdmin = new Redis(sentinel, '127.0.0.1')
  t.teardown(async () => asAdmin.disconnect())
  await asAdmin.call('ACL', 'SETUSER', 'watcher', 'on', '>secret', ...sentinelRules)
  const startOne = (sentinelUsername = 'watcher') => startNodeOn(t, new Redis({
    name: 'mymaster',
    sentinels: [{ host: '127.0.0.1', port: sentinel }],
    sentinelUsername,
    sentinelPassword: 'secret',
    lazyConnect: true,
    ...app
  }))
  await useEverything(t, startOne(), startOne())
  const startWithout = async (rule: string) => {
    const rules = sentinelRules.filter((other) => other !== rule)
    await asAdmin.call('ACL', 'SETUSER', `without${rule}`, 'on', '>secret', ...rules)
    return startOne(`without${rule}`)
  }
  await eachMissing(t, sentinelRules, startWithout, (rule) => asAdmin.call('ACL', 'SETUSER', `without${rule}`, rule))
})

t.test('Redis rights: every command of the scripts is checked', async (t) => {
  const folder = join(root, 'lib/redis')
  const files = readdirSync(folder, { recursive: true }).map(String).filter((file) => file.endsWith('.ts'))
  const texts = files.map((file) => readFileSync(join(folder, file), 'utf8'))
  const used = texts.flatMap((text) => [...text.matchAll(/redis\.p?call\('(\w+)'/g)].map(([, command]) => command))
  const checked: unknown[] = []
  const run = async (_script: Script, _keys: unknown, args: readonly unknown[]) => {
    checked.push(...args)
    return []
  }
  await findRightsIssue([{ run }], new Keys('p'))
  t.strictSame(used.filter((command) => !checked.includes(command)), [], 'no command is left out')
  const failing = async () => { throw new Error('attempt to call field acl_check_cmd') }
  t.equal(await findRightsIssue([{ run: failing }], new Keys('p')), undefined, 'a server that cannot tell has no issue')
  const away = async () => { throw new RedisUnavailable('away') }
  await t.rejects(findRightsIssue([{ run: away }], new Keys('p')), { message: 'away' }, 'an outage is no answer')
})
