import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Cluster, Redis, type RedisOptions } from 'ioredis'
import t, { type Test } from 'tap'
import { systemClock } from '../../../lib/clock.ts'
import { scaleTimings } from '../../../lib/cluster/timings.ts'
import type { RedisClient } from '../../../lib/redis/client-settings.ts'
import { Keys } from '../../../lib/redis/keys.ts'
import { end } from '../../../lib/redis/connections.ts'
import { causeOf } from '../../../lib/redis/health/issues.ts'
import { RedisAdapter } from '../../../lib/redis/redis-adapter.ts'
import type { Logger } from '../../../lib/logger.ts'
import { cert, key } from '../../support/certificate.ts'
import { freePort } from '../../support/free-port.ts'
import { Network } from '../../support/network.ts'
import { RedisServer, startRedis, startSentinel } from '../../support/redis.ts'
import { until } from '../../support/until.ts'

// What an operator sees when Redis is not as it should be: one line at the fault, one when it works, the same reason in
// the status, and never a password.

const keys = new Keys('fastify-channels')
let appended = 0

class Node {
  readonly adapter: RedisAdapter
  readonly lines: string[] = []
  readonly revoked: string[] = []
  /** The number of lines when it was last up. */
  linesBefore = 0

  constructor (t: Test, client: RedisClient) {
    const add = (level: string) => (details: object, text: string) => {
      this.lines.push(`${level}: ${text} ${JSON.stringify(details)}`)
    }
    const log: Logger = { info: add('info'), warn: add('warn'), error: add('error'), child: () => log }
    this.adapter = new RedisAdapter({ client, clock: systemClock, log, timings: scaleTimings(0.05) })
    this.adapter.start({
      message () {},
      presenceChanged () {},
      entriesAppended () {},
      gap () {},
      revoked: (key) => this.revoked.push(key),
      requested () {}
    })
    t.teardown(() => this.adapter.close())
    // Work in the background, which fails with Redis.
    this.adapter.presence.enter('x', { connection: '1', user: 'ann', data: {} })
    this.adapter.quota.acquire('ann', '1', 5).catch(() => {})
  }

  get reason (): string {
    const { status } = this.adapter
    return status.state === 'degraded' ? status.reason : 'none'
  }

  async isUp (): Promise<void> {
    await until(() => this.adapter.status.state === 'up')
    this.linesBefore = this.lines.length
  }

  append (): Promise<unknown> {
    const encoded = Buffer.from('{}')
    const entry = { id: `${appended++}`, encoded, whenSlow: undefined, limit: 10, ttl: 60_000 }
    return this.adapter.history.append('x', entry)
  }

  async isRefused (t: Test): Promise<void> {
    const refused = { message: /^Redis did not run the script/ }
    for (let i = 0; i < 5; i++) await t.rejects(this.append(), refused, 'an append is refused')
    await this.adapter.pubsub.publish('x', Buffer.from('{}')).catch(() => {})
  }
}

const options = { host: '127.0.0.1', lazyConnect: true }

function nodeOn (t: Test, port: number, more: RedisOptions = {}): Node {
  return new Node(t, new Redis({ ...options, port, ...more } as object))
}

/** What an outage may look like at first: on a slow machine the cause follows after more than a second. */
const firstSign = /^warn: (not connected to Redis yet|Redis closed the connection \()/

/** Waits for the reason, then ends the fault; one line says what it was, and one that it is over. */
async function assertFault (t: Test, node: Node, reason: RegExp, end: () => unknown): Promise<void> {
  const { linesBefore } = node
  const isCause = (line: string) => line.startsWith(`warn: ${node.reason} (until then `)
  await until(() => reason.test(node.reason) && node.lines.slice(linesBefore).some(isCause))
  await node.isRefused(t)
  t.match(node.reason, reason, 'the status has the reason')
  const lines = node.lines.slice(linesBefore)
  t.equal(lines.filter(isCause).length, 1, `one line at the fault: ${lines.find(isCause)}`)
  t.strictSame(lines.filter((line) => !isCause(line) && !firstSign.test(line)), [], 'no other line')
  await end()
  await node.isUp()
  t.match(node.lines.slice(linesBefore + lines.length), [/^info: Redis works/], 'and one when it works')
  t.match(await node.append(), { outcome: 'appended' })
  t.notMatch(node.lines.join(), /sesame|secret/, 'no password is logged')
}

t.test('Redis faults: refused connections', async (t) => {
  const redis = new RedisServer(await freePort())
  t.teardown(() => redis.end())
  const node = nodeOn(t, redis.port)
  await assertFault(t, node, /^Redis refuses connections \(ECONNREFUSED 127\.0\.0\.1:\d+\): start it/, () => redis.start())
  await redis.kill()
  await assertFault(t, node, /^Redis refuses connections \(ECONNREFUSED/, () => redis.start())
  await redis.cli('CONFIG', 'SET', 'maxclients', '1')
  // The refusal may be lost, because Redis closes the connection at once.
  const full = /^Redis (accepts no more clients|closed the connection) \(.*\): .*maxclients/
  await assertFault(t, nodeOn(t, redis.port), full, () => redis.cli('CONFIG', 'SET', 'maxclients', '1000'))
})

t.test('Redis faults: connections that an operator ends', async (t) => {
  const redis = await startRedis(t)
  const node = nodeOn(t, redis.port)
  await node.isUp()
  await redis.cli('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  await until(() => node.lines.length === 3)
  t.match(node.lines, [/^info: Redis works /, /^warn: Redis closed the connection: check its log/, /^info: .* again /])
})

t.test('Redis faults: connections on which nothing passes any more, and nobody is told', async (t) => {
  const redis = await startRedis(t)
  const network = await Network.open(t, redis.port)
  const node = nodeOn(t, network.port)
  await node.isUp()
  for (let i = 0; i < 2; i++) {
    network.freeze()
    await until(() => node.append().then(() => true, () => false))
    await node.isUp()
    t.pass('the connections were replaced')
  }
})

t.test('Redis faults: wrong and missing passwords', async (t) => {
  const redis = await startRedis(t, ['--requirepass', 'secret'])
  const admin = new Redis({ port: redis.port, password: 'secret' })
  t.teardown(async () => admin.disconnect())
  const wrong = /^Redis refuses the password \(WRONGPASS\): correct the user and the password$/
  await assertFault(t, nodeOn(t, redis.port, { password: 'sesame' }), wrong, () =>
    admin.call('ACL', 'SETUSER', 'default', '>sesame'))
  const node = nodeOn(t, redis.port)
  await assertFault(t, node, /^Redis refuses the password \(NOAUTH\)/, () => admin.call('ACL', 'SETUSER', 'default', 'nopass'))
  // A password that is changed while the node runs: its connections live until they are lost.
  await admin.call('ACL', 'SETUSER', 'default', 'resetpass', '>secret')
  await admin.call('CLIENT', 'KILL', 'TYPE', 'normal')
  await until(() => node.reason.includes('NOAUTH') && node.lines.length === 3)
  t.match(node.lines[2], /^warn: Redis refuses the password \(NOAUTH\)/, 'the cause, and not that a connection was lost')
  // This protocol has no greeting, so the first answer to a command is the one that tells.
  const silent = nodeOn(t, redis.port, { protocol: 2 })
  await assertFault(t, silent, /^Redis refuses the password \((NOAUTH|unauthenticated)\)/, () =>
    admin.call('ACL', 'SETUSER', 'default', 'nopass'))
})

t.test('Redis faults: a database that is refused, and nothing is written to another one', async (t) => {
  const redis = await startRedis(t)
  const node = nodeOn(t, redis.port, { db: 99 })
  await until(() => node.lines.length > 0)
  await node.isRefused(t)
  t.match(node.lines, [/^warn: Redis refuses the number of the database \(DB index is out of range\): correct it/])
  await redis.cli('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all', '-select')
  const app = nodeOn(t, redis.port, { db: 2, username: 'app', password: 'secret' })
  const end = () => redis.cli('ACL', 'SETUSER', 'app', '+select')
  await assertFault(t, app, /^the Redis user lacks rights \(NOPERM .*'select' command.*\): grant them/, end)
  t.strictSame(await redis.cli('KEYS', '*'), [], 'database 0 is empty')
})

/** A Redis with a certificate that nobody trusts. Resolves to its port for TLS. */
async function startTls (t: Test): Promise<number> {
  const files = [join(tmpdir(), `${process.pid}-cert.pem`), join(tmpdir(), `${process.pid}-key.pem`)] as const
  await Promise.all([writeFile(files[0], cert), writeFile(files[1], key)])
  const tls = await freePort()
  await startRedis(t, [
    '--tls-port', `${tls}`, '--tls-cert-file', files[0], '--tls-key-file', files[1], '--tls-ca-cert-file', files[0],
    '--tls-auth-clients', 'no'
  ])
  return tls
}

t.test('Redis faults: a connection that is closed during its TLS handshake does not end the process', async (t) => {
  const tls = await startTls(t)
  // Spread over the handshakes of all, because the moment matters.
  const closings = Array.from({ length: 100 }, async (_, i) => {
    const client = new Redis(tls, '127.0.0.1', { tls: {}, lazyConnect: true })
    client.on('error', () => {})
    const ended = new Promise((resolve) => client.once('end', resolve))
    client.connect().catch(() => {})
    await wait(i % 20)
    end(client)
    await ended
  })
  await Promise.all(closings)
  t.pass('the process lives')
})

t.test('Redis faults: certificates', async (t) => {
  const tls = await startTls(t)
  const untrusted = nodeOn(t, tls, { tls: {} })
  await until(() => untrusted.lines.length > 0)
  t.match(untrusted.lines, [/^warn: the TLS certificate of Redis is not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\): pass/])
  const other = nodeOn(t, tls, { tls: { ca: cert, servername: 'elsewhere' } })
  await until(() => other.lines.length > 0)
  t.match(other.lines, [/^warn: the TLS certificate of Redis is not trusted \(ERR_TLS_CERT_ALTNAME_INVALID\)/])
  const trusted = nodeOn(t, tls, { tls: { ca: cert } })
  await trusted.isUp()
  t.match(await trusted.append(), { outcome: 'appended' })
  const plain = nodeOn(t, tls)
  await until(() => plain.lines.length > 0)
  t.match(plain.lines, [/^warn: Redis closed the connection.*: check its log/])
  t.match(plain.reason, /whether its port speaks TLS \('rediss:\/\/'\)/)
})

t.test('Redis faults: a failover behind a fixed address whose proxy keeps the old connections', async (t) => {
  const master = await startRedis(t, ['--repl-diskless-sync-delay', '0'])
  const replica = await startRedis(t, ['--replicaof', '127.0.0.1', `${master.port}`])
  await until(async () => String(await replica.cli('INFO', 'replication')).includes('master_link_status:up'))
  const network = await Network.open(t, master.port)
  const node = nodeOn(t, network.port)
  await node.isUp()
  await replica.cli('REPLICAOF', 'NO', 'ONE')
  network.target = replica.port
  const switchedAt = performance.now()
  await master.cli('REPLICAOF', '127.0.0.1', `${replica.port}`)
  await until(() => node.lines.length === 3)
  const healedMs = performance.now() - switchedAt
  t.comment(`healed after ${Math.round(healedMs)} ms`)
  t.ok(healedMs < 6_000, 'within 6 s, though nothing was written meanwhile')
  t.match(node.lines.slice(1), [/^warn: the address leads to a read-only replica of Redis \(READONLY\)/, /^info/])
  t.match(await node.append(), { outcome: 'appended' })

  await t.test('a node on a replica says so until the replica becomes a master', async (t) => {
    const node = nodeOn(t, master.port)
    await until(() => node.lines.length > 0)
    await node.isRefused(t)
    await master.cli('CONFIG', 'SET', 'replica-serve-stale-data', 'no')
    await replica.kill()
    await until(() => node.reason.includes('MASTERDOWN'))
    t.match(node.reason, /^the address leads to a replica of Redis that has lost its master \(MASTERDOWN\): point it/)
    t.match(node.lines, [/READONLY/], 'it is the same outage')
    await master.cli('REPLICAOF', 'NO', 'ONE')
    await node.isUp()
    t.match(node.lines.slice(1), [/^info: Redis works/])
  })
})

t.test('Redis faults: refused writes', async (t) => {
  const redis = await startRedis(t)
  const node = nodeOn(t, redis.port)
  await node.isUp()
  t.match(await node.append(), { outcome: 'appended' })
  await redis.cli('CONFIG', 'SET', 'maxmemory', '1')
  const free = () => redis.cli('CONFIG', 'SET', 'maxmemory', '0')
  await assertFault(t, node, /^Redis is out of memory \(OOM\): raise its maxmemory, or remove data$/, free)
  await redis.cli('CONFIG', 'SET', 'min-replicas-to-write', '1')
  const replicas = /^Redis refuses to write because it has too few replicas \(NOREPLICAS\)/
  await assertFault(t, node, replicas, () => redis.cli('CONFIG', 'SET', 'min-replicas-to-write', '0'))
})

t.test('Redis faults: evicted keys', async (t) => {
  const redis = await startRedis(t, ['--maxmemory', '1gb', '--maxmemory-policy', 'allkeys-random'])
  const node = nodeOn(t, redis.port)
  await node.isUp()
  await until(() => node.lines.length === 2)
  t.match([...node.lines].sort(), [/^info: Redis works/, /^warn: Redis may evict keys, .*: set maxmemory-policy to noev/])
  await node.append()
  const { position } = await node.adapter.history.read('x')
  await node.adapter.nodes.revoke('user eve', Date.now() + 60_000)
  await redis.cli('CONFIG', 'SET', 'maxmemory', '1')
  await until(async () => (await redis.cli('KEYS', '*') as string[]).length === 0)
  await redis.cli('CONFIG', 'SET', 'maxmemory', '1gb')
  t.match(await node.adapter.history.read('x', position), { reason: 'epoch' }, 'a lost history is a resync')
  await until(async () => await node.adapter.presence.count('x') === 1)
  t.pass('the user is present again')
  await until(async () => await redis.cli('EXISTS', keys.ofUser('ann', 'connections')) === 1)
  t.pass('and its connection counts again')
  // This one key alone, without any state of Redis that could tell.
  const revocations = keys.shared('revocations')
  await until(async () => await redis.cli('EXISTS', revocations) === 1)
  await redis.cli('DEL', revocations)
  await until(async () => await redis.cli('EXISTS', revocations) === 1)
  const late = nodeOn(t, redis.port)
  await until(() => late.revoked.includes('user eve'))
  t.pass('a node that starts after the loss knows the revocation')
})

t.test('Redis faults: data that is being loaded', async (t) => {
  const redis = await startRedis(t, [
    '--key-load-delay', '5000', '--loading-process-events-interval-bytes', '1024', '--rdbcompression', 'no'
  ])
  await redis.cli('EVAL', "for i = 1, 150 do redis.call('SET', i, string.rep('x', 1000)) end", '0')
  await redis.cli('SAVE')
  await redis.kill()
  const started = redis.start()
  await until(() => listens(redis.port))
  const node = nodeOn(t, redis.port)
  await assertFault(t, node, /^Redis is loading its data \(LOADING\): wait until it has finished$/, () => started)
})

async function listens (port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  return once(socket, 'connect').then(() => true, () => false).finally(() => socket.destroy())
}

t.test('Redis faults: an old version, and what is not Redis', async (t) => {
  const old = await startFake(t, ([name, ...args]) => {
    if (name === 'HELLO' || name === 'CLIENT') return '+OK\r\n'
    const info = 'redis_version:6.2.14\r\nredis_mode:standalone'
    if (name === 'INFO') return `$${info.length}\r\n${info}\r\n`
    return `-ERR unknown command \`${name}\`, with args beginning with: ${args.join()}\r\n`
  })
  const node = nodeOn(t, old, { password: 'secret' })
  await until(() => node.lines.length > 0)
  await t.rejects(node.append())
  t.equal(node.reason, 'Redis 6.2.14 is too old: use version 7 or newer')
  t.match(node.lines, [/^warn: Redis 6\.2\.14 is too old: use version 7 or newer/])
  const web = nodeOn(t, await startFake(t, () => 'HTTP/1.1 400 Bad Request\r\n\r\n'))
  await until(() => web.lines.length > 0)
  await web.isRefused(t)
  t.match(web.lines, [/^warn: what answers at this address is not Redis \(Unknown RESP type\): correct the host/])
})

/** A server that answers each command, given in RESP, with a text. */
async function startFake (t: Test, answer: (command: readonly string[]) => string): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('data', (data) => {
      for (const command of String(data).split(/^\*\d+\r\n/m).slice(1)) {
        const [name = '', ...args] = command.split('\r\n').filter((_, i) => i % 2 === 1)
        socket.write(answer([name.toUpperCase(), ...args]))
      }
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

t.test('Redis faults: a Cluster', async (t) => {
  const redis = await startRedis(t, ['--cluster-enabled', 'yes', '--cluster-port', `${await freePort()}`])
  const nodes = [{ host: '127.0.0.1', port: redis.port }]
  const node = new Node(t, new Cluster(nodes, { lazyConnect: true }))
  const down = /^the Redis Cluster is down \(CLUSTERDOWN\): check that a master serves every slot$/
  await assertFault(t, node, down, () => redis.cli('CLUSTER', 'ADDSLOTSRANGE', '0', '16383'))
  const lost = Array.from({ length: 100 }, (_, i) => `${i}`)
  await redis.cli('CLUSTER', 'DELSLOTS', ...lost)
  await assertFault(t, node, down, () => redis.cli('CLUSTER', 'ADDSLOTS', ...lost))

  const refused = new Node(t, new Cluster([{ host: '127.0.0.1', port: 1 }], { lazyConnect: true }))
  await until(() => refused.lines.length > 0)
  t.match(refused.lines, [/^warn: Redis refuses connections \(ECONNREFUSED 127\.0\.0\.1:1\)/], 'no node can be reached')
  await redis.cli('ACL', 'SETUSER', 'app', 'on', '>secret')
  const redisOptions = { username: 'app', password: 'sesame' }
  const stranger = new Node(t, new Cluster(nodes, { lazyConnect: true, redisOptions }))
  await until(() => stranger.lines.length > 0)
  t.match(stranger.lines, [/^warn: Redis refuses the password \(WRONGPASS\)/])
  t.notMatch(stranger.lines.join(), /sesame/)
  const single = await startRedis(t)
  const mistaken = new Node(t, new Cluster([{ host: '127.0.0.1', port: single.port }], { lazyConnect: true }))
  await until(() => mistaken.lines.length > 0)
  t.match(mistaken.lines, [/^warn: this Redis is no Cluster \(cluster support disabled\): pass its URL as 'redis.url'/])
})

t.test('Redis faults: Sentinels', async (t) => {
  const sentinel = await startFake(t, ([name]) => name === 'SENTINEL' ? '*-1\r\n' : '+OK\r\n')
  const hanging = await startFake(t, () => '')
  for (const [port, reason] of [
    [1, /^warn: no Sentinel answers \(failed to connect to sentinel 127\.0\.0\.1:1\): check/],
    [sentinel, /^warn: no Sentinel knows the name of the master \(invalid reply: null\): correct the client's 'name'/],
    [hanging, /^warn: no Sentinel answers \(failed to connect to sentinel 127\.0\.0\.1:\d+\): check/]
  ] as const) {
    const node = new Node(t, new Redis({ name: 'main', sentinels: [{ host: '127.0.0.1', port }], lazyConnect: true }))
    await until(() => node.lines.length > 0)
    t.match(node.lines, [reason])
  }
  const { sentinel: working } = await startSentinel(t)
  const sentinels = [hanging, working].map((port) => ({ host: '127.0.0.1', port }))
  await new Node(t, new Redis({ name: 'mymaster', sentinels, lazyConnect: true })).isUp()
  t.pass('one that hangs does not hide the others')
})

t.test('Redis faults: each error has its cause and a remedy, and repeats no argument', (t) => {
  const error = (message: string, code?: string) => Object.assign(new Error(message), code && { code })
  const both = new AggregateError(['::1', '127.0.0.1'].map((host) => error(`connect ECONNREFUSED ${host}:6379`)))
  const kinds: ReadonlyArray<readonly [Error, string | undefined]> = [
    [both, 'refused'],
    [error('connect EHOSTUNREACH 10.0.0.1:6379', 'EHOSTUNREACH'), 'network'],
    [error('getaddrinfo EAI_AGAIN redis', 'EAI_AGAIN'), 'host'],
    [error('connect ETIMEDOUT', 'ETIMEDOUT'), 'timeout'],
    [error('Command timed out'), 'timeout'],
    [error('write EPIPE', 'EPIPE'), 'reset'],
    [error('connect ENOENT /run/redis.sock', 'ENOENT'), 'file'],
    [error('certificate has expired', 'CERT_HAS_EXPIRED'), 'certificate'],
    [error('unable to verify the first certificate', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'), 'certificate'],
    [error('write EPROTO 00:error:0A00010B:SSL routines::wrong version number', 'EPROTO'), 'tls'],
    [error('alert certificate required', 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'), 'tls'],
    [error('ERR max number of clients reached'), 'clients'],
    [error('DENIED Redis is running in protected mode'), 'protected'],
    [error('MISCONF Redis is configured to save RDB snapshots'), 'misconf'],
    [error('BUSY Redis is busy running a script'), 'busy'],
    [error('MOVED 5 127.0.0.1:7001'), 'moved'],
    [error('Too many Cluster redirections. Last error: ReplyError: CLUSTERDOWN The cluster is down'), 'clusterdown'],
    [error("ERR unknown command 'SSUBSCRIBE', with args beginning with: 'secret'"), 'command'],
    [error('ERR something new, with args beginning with: `secret`'), 'other'],
    [error('Connection is closed.'), undefined],
    [error("Stream isn't writeable and enableOfflineQueue options is false"), undefined],
    [error('Failed to refresh slots cache. Connection is closed.'), undefined]
  ]
  t.strictSame(kinds.map(([one]) => causeOf(one)?.kind), kinds.map(([, kind]) => kind))
  const texts = kinds.flatMap(([one]) => causeOf(one)?.text ?? [])
  for (const text of texts) t.match(text, /^.* \(.+\): .+$/, text)
  t.notMatch(texts.join(), /secret/)
  t.match(texts[0], /ECONNREFUSED ::1:6379/)
  t.end()
})
