import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import fastify, { type FastifyInstance } from 'fastify'
import { MemoryAdapter, MemoryHub } from '../../../lib/memory/memory-adapter.ts'
import type { Position } from '../../../lib/protocol/position.ts'
import { noLimits } from '../../../lib/limits/limits.ts'
import { channels, type ChannelsOptions } from '../../../plugins/channels.ts'
import { soon } from '../until.ts'
import { connectionsPerUser } from './connection-limit.ts'
import { fuzzed, implementFuzzed, type Rights } from './fuzz-channel.ts'
import { presenceGraceMs } from './grace-periods.ts'
import { LeftoverKeys } from './leftover-keys.ts'

/** Nodes of one cluster in this process, over the memory hub or over a Redis. */
export class FuzzNodes {
  readonly apps: readonly FastifyInstance[]
  /** What the servers logged as an error, apart from the handler that fails on purpose. */
  readonly errors: readonly string[]

  readonly #hub: MemoryHub
  readonly #keys: LeftoverKeys | undefined

  private constructor (apps: readonly FastifyInstance[], errors: readonly string[], hub: MemoryHub, redis?: string) {
    this.apps = apps
    this.errors = errors
    this.#hub = hub
    this.#keys = redis === undefined ? undefined : new LeftoverKeys(redis)
  }

  /** `redis`: the URL of a Redis; without it the nodes share a memory hub. */
  static async start (count: number, rights: Rights, redis?: string): Promise<FuzzNodes> {
    const hub = new MemoryHub()
    const errors: string[] = []
    const write = (line: string) => {
      if (!line.includes('fail on purpose') && JSON.parse(line).level >= 50) errors.push(line)
    }
    const apps = await Promise.all(Array.from({ length: count }, async () => {
      const app = fastify({ logger: { level: 'error', stream: { write } } })
      const cluster: ChannelsOptions = redis === undefined
        ? { adapter: new MemoryAdapter(hub) }
        : { redis: { url: redis } }
      const limits = { ...noLimits, perUser: connectionsPerUser }
      const jwt = { secret: 'for the fuzzer' }
      await app.register(channels, { jwt, limits, presenceGrace: presenceGraceMs, drain: { timeout: 0 }, ...cluster })
      app.ws('/fuzz', [implementFuzzed(rights)])
      await app.listen({ port: 0, host: '127.0.0.1' })
      return app
    }))
    const nodes = new FuzzNodes(apps, errors, hub, redis)
    await soon('the nodes are up', async () => apps.every((app) => app.channels.status().state === 'up'))
    return nodes
  }

  /** Whether each node is connected with the other one, for the message of a failure. */
  get states (): string {
    return this.apps.map(({ channels }) => JSON.stringify(channels.status())).join(' and ')
  }

  url (node: number): string {
    const { port } = (this.apps[node] as FastifyInstance).server.address() as AddressInfo
    return `ws://127.0.0.1:${port}/fuzz`
  }

  /** A token with an id of its own, so that it can be revoked alone. */
  token (user: string, jti: string = randomUUID()): { token: string, jti: string } {
    const { jwt } = this.apps[0] as FastifyInstance
    const claims = { sub: user, name: user, jti }
    return { token: jwt.sign(claims), jti }
  }

  /** The newest position of the history of a channel. */
  async position (channel: string): Promise<Position> {
    return (await this.#room(channel, 0).read()).position
  }

  /** The numbers of all messages in the history of a channel. */
  async history (channel: string): Promise<number[]> {
    const { messages } = await this.#room(channel, 0).read()
    return messages.map(({ payload }) => payload.n)
  }

  /** The number of users present, by each node. */
  present (channel: string): Promise<number[]> {
    return Promise.all(this.apps.map((_, node) => this.#room(channel, node).count()))
  }

  async add (node: number, channel: string, userId: string): Promise<void> {
    await this.#room(channel, node).add({ userId })
  }

  async remove (node: number, channel: string, userId: string): Promise<void> {
    await this.#room(channel, node).remove({ userId })
  }

  async reauthorize (node: number, user: string): Promise<void> {
    await (this.apps[node] as FastifyInstance).channels.rooms.reauthorize(user)
  }

  async disconnect (node: number, userId: string): Promise<void> {
    await (this.apps[node] as FastifyInstance).channels.registry.disconnect({ userId })
  }

  async revoke (node: number, jti: string): Promise<void> {
    await (this.apps[node] as FastifyInstance).channels.registry.revoke({ jti }, Date.now() + 600_000)
  }

  /**
   * `session`: its name, which its users and channels have in their names.
   * @throws {Error} when something of closed connections is left after 10 s
   */
  async requireEmpty (session: string): Promise<void> {
    await soon('nothing is left of the connections', async () => this.apps.every(({ channels }) =>
      channels.registry.size + channels.rooms.size + channels.heartbeat.size + this.#hub.quotas.size === 0))
    let key: string | undefined
    await soon(() => `no key is left in Redis: ${key}`, async () => {
      key = await this.#keys?.ofSession(session)
      return key === undefined
    })
    if (this.errors.length > 0) throw new Error(`an error was logged: ${this.errors[0]}`)
  }

  async close (): Promise<void> {
    await Promise.all(this.apps.map((app) => app.close()))
    const lasting = await this.#keys?.lasting() ?? []
    this.#keys?.close()
    if (lasting.some((key) => !key.endsWith(':last'))) throw new Error(`keys that no node holds: ${lasting.join()}`)
  }

  #room (channel: string, node: number) {
    const [, tenant = '', room = ''] = channel.split('/')
    return (this.apps[node] as FastifyInstance).channels.rooms.of(fuzzed, { tenant, room })
  }
}
