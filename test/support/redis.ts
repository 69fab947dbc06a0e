import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { Test } from 'tap'
import { freePort } from './free-port.ts'
import { until } from './until.ts'

/** A redis-server of this test's own, that keeps nothing on disk but what it must, in a folder of its own. */
export class RedisServer {
  readonly port: number
  readonly #args: readonly string[]
  #folder: string | undefined
  #child: ChildProcess | undefined
  #client: Redis | undefined

  constructor (port: number, flags: readonly string[] = [], args = [...plain(port), ...flags]) {
    this.port = port
    this.#args = args
  }

  get url (): string {
    return `redis://127.0.0.1:${this.port}`
  }

  async start (): Promise<void> {
    this.#folder ??= await mkdtemp(join(tmpdir(), 'redis-'))
    const child = spawn('redis-server', this.#args, { cwd: this.#folder, stdio: ['ignore', 'pipe', 'inherit'] })
    this.#child = child
    await new Promise<void>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`redis-server ended with ${String(code)}`)))
      child.once('error', reject)
      child.stdout.on('data', (text) => { if (/Ready to accept connections|\+monitor/.test(String(text))) resolve() })
    })
  }

  /** SIGKILL: gone, and all that it held. */
  async kill (): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (!child || child.exitCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGCONT')
    child.kill('SIGKILL')
    await gone
  }

  /** The same port, empty. */
  async restart (): Promise<void> {
    await this.kill()
    await this.start()
  }

  /** SIGSTOP: it takes connections and answers nothing. */
  pause (): void {
    this.#child?.kill('SIGSTOP')
  }

  resume (): void {
    this.#child?.kill('SIGCONT')
  }

  /** One command, as with redis-cli. */
  async cli (command: string, ...args: string[]): Promise<unknown> {
    this.#client ??= patient(this.port)
    return await this.#client.call(command, ...args)
  }

  async end (): Promise<void> {
    this.#client?.disconnect()
    await this.kill()
    if (this.#folder) await rm(this.#folder, { recursive: true })
  }
}

function plain (port: number): string[] {
  return [
    '--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'
  ]
}

function patient (port: number): Redis {
  const client = new Redis(port, '127.0.0.1')
  client.on('error', () => {})
  return client
}

/** A single redis-server on a free port, ended with the test. */
export async function startRedis (t: Test, flags: readonly string[] = []): Promise<RedisServer> {
  const server = new RedisServer(await freePort(), flags)
  t.teardown(() => server.end())
  await server.start()
  return server
}

/** A master and its replica, ended with the test. */
export async function startReplicated (t: Test): Promise<[master: RedisServer, replica: RedisServer]> {
  const master = await startRedis(t, syncAtOnce)
  const replica = await startRedis(t, ['--replicaof', '127.0.0.1', `${master.port}`, ...syncAtOnce])
  await isLinked(replica)
  return [master, replica]
}

/** A replica would wait 5 s for others that begin as well. */
const syncAtOnce = ['--repl-diskless-sync-delay', '0']

const isLinked = (replica: RedisServer) =>
  until(async () => String(await replica.cli('INFO', 'replication')).includes('master_link_status:up'))

/** A Redis Cluster of one master and its replica, which `CLUSTER FAILOVER TAKEOVER` makes the master. */
export async function startReplicatedCluster (t: Test): Promise<[master: RedisServer, replica: RedisServer]> {
  const servers = await startClusterNodes(t, 2, syncAtOnce) as [RedisServer, RedisServer]
  const [master, replica] = servers
  await master.cli('CLUSTER', 'ADDSLOTSRANGE', '0', `${slots - 1}`)
  await replica.cli('CLUSTER', 'MEET', '127.0.0.1', `${master.port}`, await busPort(servers, master.port))
  const id = String(await master.cli('CLUSTER', 'MYID'))
  await until(async () => String(await replica.cli('CLUSTER', 'NODES')).includes(id))
  await replica.cli('CLUSTER', 'REPLICATE', id)
  await isLinked(replica)
  await until(async () => String(await master.cli('CLUSTER', 'INFO')).includes('cluster_state:ok'))
  return servers
}

/** A Redis Cluster of three masters on free ports, ended with the test. */
export async function startCluster (t: Test): Promise<RedisServer[]> {
  const servers = await startClusterNodes(t, 3)
  await meet(servers)
  return servers
}

async function startClusterNodes (t: Test, count: number, flags: readonly string[] = []): Promise<RedisServer[]> {
  const ports = await Promise.all(Array.from({ length: count }, () => freePort()))
  const servers = await Promise.all(ports.map(async (port) => {
    const bus = await freePort()
    return new RedisServer(
      port, ['--cluster-enabled', 'yes', '--cluster-port', `${bus}`, '--cluster-node-timeout', '2000', ...flags]
    )
  }))
  t.teardown(async () => { await Promise.all(servers.map((server) => server.end())) })
  await Promise.all(servers.map((server) => server.start()))
  return servers
}

/** A master, its replica, and a sentinel that makes the one the other when that is needed; ended with the test. */
export async function startSentinel (t: Test): Promise<{ readonly master: RedisServer, readonly sentinel: number }> {
  const [master, replica] = await startReplicated(t)
  const folder = await mkdtemp(join(tmpdir(), 'redis-sentinel-'))
  const sentinel = await freePort()
  const settings = [
    `monitor mymaster 127.0.0.1 ${master.port} 1`,
    'down-after-milliseconds mymaster 500',
    'failover-timeout mymaster 2000'
  ]
  await writeFile(
    join(folder, 'sentinel.conf'),
    [`port ${sentinel}`, 'bind 127.0.0.1', ...settings.map((setting) => `sentinel ${setting}`), ''].join('\n')
  )
  const server = new RedisServer(sentinel, [], [join(folder, 'sentinel.conf'), '--sentinel'])
  t.teardown(async () => {
    await server.end()
    await rm(folder, { recursive: true })
  })
  await server.start()
  // It has to find the replica before it can do anything with it.
  await until(async () => String(await server.cli('SENTINEL', 'REPLICAS', 'mymaster')).includes(`${replica.port}`))
  return { master, sentinel }
}

const slots = 16_384

async function meet (servers: readonly RedisServer[]): Promise<void> {
  const share = Math.ceil(slots / servers.length)
  for (const [i, server] of servers.entries()) {
    await server.cli('CLUSTER', 'ADDSLOTSRANGE', `${i * share}`, `${Math.min(slots, (i + 1) * share) - 1}`)
    await server.cli('CONFIG', 'SET', 'cluster-require-full-coverage', 'yes')
  }
  const [first, ...others] = servers as [RedisServer, ...RedisServer[]]
  for (const { port } of others) {
    await first.cli(
      'CLUSTER', 'MEET', '127.0.0.1', `${port}`, String(await busPort(others, port))
    )
  }
  for (const server of servers) {
    await until(async () => String(await server.cli('CLUSTER', 'INFO')).includes('cluster_state:ok'))
  }
}

async function busPort (servers: readonly RedisServer[], port: number): Promise<string> {
  const server = servers.find((one) => one.port === port) as RedisServer
  const [, bus] = await server.cli('CONFIG', 'GET', 'cluster-port') as [string, string]
  return bus
}
