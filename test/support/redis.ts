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

/** A Redis Cluster of three masters on free ports, ended with the test. */
export async function startCluster (t: Test): Promise<RedisServer[]> {
  const ports = await Promise.all([freePort(), freePort(), freePort()])
  const servers = await Promise.all(ports.map(async (port) => {
    const bus = await freePort()
    return new RedisServer(
      port, ['--cluster-enabled', 'yes', '--cluster-port', `${bus}`, '--cluster-node-timeout', '2000']
    )
  }))
  t.teardown(async () => { await Promise.all(servers.map((server) => server.end())) })
  await Promise.all(servers.map((server) => server.start()))
  await meet(servers)
  return servers
}

/** A master, its replica, and a sentinel that makes the one the other when that is needed; ended with the test. */
export async function startSentinel (t: Test): Promise<{ readonly master: RedisServer, readonly sentinel: number }> {
  const master = await startRedis(t)
  const replica = await startRedis(t, ['--replicaof', '127.0.0.1', `${master.port}`])
  await until(async () => String(await replica.cli('INFO', 'replication')).includes('master_link_status:up'))
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
