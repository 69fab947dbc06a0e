import { readdirSync } from 'node:fs'
import type { ServerOptions } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import type { Test } from 'tap'
import type { ClientOptions } from 'ws'
import { defineChannel } from '../../../lib/contract/define-channel.ts'
import { implement } from '../../../lib/server/implement.ts'
import { FakeClock } from '../../../lib/testing/fake-clock.ts'
import { TestClient, UpgradeRefused } from '../../../lib/testing/test-client.ts'
import type { ChannelsOptions } from '../../../plugins/channels.ts'
import { implementLab, implementOwn, LabJournal } from '../lab.ts'
import { bearer, makeApp, type LogLine, type LogSink } from '../serve.ts'
import { handshake, readAnswer, type RequestParts } from './http.ts'
import { RawSocket } from './raw-socket.ts'
import { secretsOf } from './tokens.ts'

/** A channel of one user: nobody else may know whether it exists. It takes any JSON. */
const vault = defineChannel({
  pattern: 'vault/:owner',
  params: Type.Object({ owner: Type.String() }),
  fromClient: {
    put: { payload: Type.Object({ any: Type.Unknown() }), reply: Type.Object({ any: Type.Unknown() }) },
    knock: { rateLimit: { max: 2, timeWindow: 10_000 } }
  },
  fromServer: {}
})

const implementVault = () => implement(vault, {
  authorize: (ctx) => ctx.user.sub === `id-of-${ctx.params.owner}`,
  on: { put: (_ctx, { any }) => ({ any }), knock: () => {} }
})

/** What must be back where it was once a peer is gone. */
interface Vitals {
  readonly connections: number
  readonly registry: number
  readonly rooms: number
  readonly heartbeat: number
  readonly webSockets: number
}

export interface TargetOptions {
  readonly channels?: ChannelsOptions
  readonly server?: FastifyServerOptions & { readonly http?: ServerOptions }
  /** Runs before the plugin's routes are added. */
  readonly prepare?: (app: FastifyInstance) => void
  /** Of what a sound client says. Default: a token of the server's own. */
  readonly credentials?: (app: FastifyInstance) => ClientOptions
  /**
   * Lines at the level of an error in the log: none, plain ones, or with the traces of the application's own mistakes.
   * Default: none.
   */
  readonly errors?: 'none' | 'plain' | 'traced'
  /** Messages of other libraries that log their traces. */
  readonly tracedByOthers?: readonly string[]
}

const fileDescriptors = () => readdirSync('/proc/self/fd').length

/** Turns of the event loop until something is so; false when it is not so in time. */
export async function turnsUntil (isSo: () => boolean | Promise<boolean>, turns = 100_000): Promise<boolean> {
  for (let turn = 0; turn < turns; turn++) {
    if (await isSo()) return true
    await new Promise((resolve) => setImmediate(resolve))
  }
  return false
}

/** A server under attack, and the evidence: what it replied, what it logged, what it still holds. */
export class Target {
  readonly app: FastifyInstance
  readonly clock: FakeClock
  readonly journal: LabJournal
  readonly #sink: LogSink
  readonly #options: TargetOptions
  readonly #secrets = new Set<string>()
  readonly #replies: Array<() => string> = []
  #descriptors = 0

  private constructor (
    app: FastifyInstance, sink: LogSink, clock: FakeClock, journal: LabJournal, options: TargetOptions
  ) {
    this.app = app
    this.#sink = sink
    this.clock = clock
    this.journal = journal
    this.#options = options
  }

  static async start (t: Test, options: TargetOptions = {}): Promise<Target> {
    // Only deadlines that a row moves on to fall due, however busy the machine is.
    const clock = new FakeClock(Date.now())
    const journal = new LabJournal()
    const { app, sink } = await makeApp(t, { clock, ...options.channels }, options.server)
    options.prepare?.(app)
    app.ws('/lab', {}, [implementLab(journal), implementOwn(), implementVault()])
    app.ws('/open/:id', { public: true }, [])
    app.route({ method: ['GET', 'POST'], url: '/plain', handler: async () => 'plain' })
    await app.listen({ port: 0, host: '127.0.0.1' })
    const target = new Target(app, sink, clock, journal, options)
    await target.#serveOne()
    await turnsUntil(() => target.#isQuiet())
    target.#descriptors = fileDescriptors()
    return target
  }

  get port (): number {
    return (this.app.server.address() as AddressInfo).port
  }

  get url (): string {
    return `ws://127.0.0.1:${this.port}`
  }

  /** A token whose parts may turn up nowhere. */
  token (name: string, claims: object = {}): string {
    return this.keepSecret(this.app.jwt.sign({ sub: `id-of-${name}`, name, ...claims }))
  }

  keepSecret (token: string): string {
    for (const secret of secretsOf(token)) this.#secrets.add(secret)
    return token
  }

  async open (): Promise<RawSocket> {
    const raw = await RawSocket.open(this.port)
    this.#replies.push(() => raw.received.toString('latin1'))
    return raw
  }

  /** A raw socket past the switch. */
  async upgraded (name: string, { headers, ...parts }: RequestParts = {}): Promise<RawSocket> {
    const raw = await this.open()
    raw.write(handshake({ ...parts, headers: { authorization: `Bearer ${this.token(name)}`, ...headers } }))
    const answer = await raw.until(readAnswer)
    if (answer?.status !== 101) throw new Error(`the upgrade was answered ${answer?.status}`)
    return raw
  }

  /** TCP connections that Node's server holds, upgraded or not. */
  connections (): Promise<number> {
    const { server } = this.app
    return promisify<number>(server.getConnections.bind(server))()
  }

  async connect (name: string, channel?: string): Promise<TestClient> {
    const client = await this.#kept(TestClient.connect(`${this.url}/lab`, [], bearer(this.token(name))))
    if (channel !== undefined) await client.request('join', channel)
    return client
  }

  /** Like a browser or a tool would, with whatever headers. */
  async try (options: ClientOptions, path = '/lab', protocols: string[] = []): Promise<TestClient | UpgradeRefused> {
    return this.#kept(TestClient.connect(this.url + path, protocols, options)).catch((error: unknown) => {
      if (!(error instanceof UpgradeRefused)) throw error
      this.#replies.push(() => error.body)
      return error
    })
  }

  /** After each row: the peer is gone without a trace, and the next one is served. */
  async prove (t: Test): Promise<void> {
    t.ok(await turnsUntil(() => this.#isQuiet()), `nothing is left behind: ${JSON.stringify(await this.#vitals())}`)
    t.equal(await this.#serveOne(), 'ack', 'the next valid client is served')
    t.ok(await turnsUntil(() => this.#isQuiet()), `nor by the valid client: ${JSON.stringify(await this.#vitals())}`)
    // Rates and budgets are as good as new for the next row.
    this.clock.advance(60_000)
    t.equal(({} as { polluted?: unknown }).polluted, undefined, 'prototypes are clean')
  }

  /** After the last row. */
  async finish (t: Test): Promise<void> {
    await t.test('afterwards all file descriptors are free again', async (t) => {
      t.ok(
        await turnsUntil(() => fileDescriptors() === this.#descriptors, 10_000),
        `${fileDescriptors()} of ${this.#descriptors} at the start`
      )
    })
    await t.test('afterwards the sweep has found nothing that should not exist', async (t) => {
      t.strictSame(this.app.registry.swept, { closed: 0, unwatched: 0, orphaned: 0 })
    })
    await t.test('afterwards no reply holds a stack trace, a path of ours or a token', async (t) => {
      for (const reply of this.#replies) t.notMatch(reply(), this.#forbidden())
    })
    await t.test('afterwards no log line holds a token or a secret', async (t) => {
      for (const line of this.#sink.lines) t.notMatch(JSON.stringify(line), this.#secretPattern())
    })
    await t.test('afterwards no log line is an error or has a stack trace, unless the handler failed', async (t) => {
      const { errors = 'none', tracedByOthers = [] } = this.#options
      const isFault = (line: LogLine) =>
        line.level < 50 || errors === 'none' ? line.level >= 50 || isTraced(line) : errors === 'plain' && isTraced(line)
      const faults = this.#sink.lines.filter((line) => isFault(line) && !tracedByOthers.includes(line.msg))
      t.strictSame([...new Set(faults.map(summary))], [])
    })
  }

  async #kept (connecting: Promise<TestClient>): Promise<TestClient> {
    const client = await connecting
    this.#replies.push(() => JSON.stringify(client.log))
    return client
  }

  async #serveOne (): Promise<string> {
    const credentials = this.#options.credentials?.(this.app) ?? bearer(this.token('valid'))
    const client = await this.#kept(TestClient.connect(`${this.url}/lab`, [], credentials))
    const { type } = await client.request('ping')
    await client.close()
    return type
  }

  async #isQuiet (): Promise<boolean> {
    return Object.values(await this.#vitals()).every((count) => count === 0)
  }

  async #vitals (): Promise<Vitals> {
    const { registry, rooms, heartbeat, websocketServer } = this.app
    return {
      connections: await this.connections(),
      registry: registry.size,
      rooms: rooms.size,
      heartbeat: heartbeat.size,
      webSockets: websocketServer.clients.size
    }
  }

  #forbidden (): RegExp {
    return new RegExp(`${trace.source}|"stack"|node_modules|${this.#secretPattern().source}`)
  }

  #secretPattern (): RegExp {
    return new RegExp(['hunter2', ...this.#secrets].join('|'))
  }
}

/** How a trace looks in text, and in JSON. */
const trace = /\n\s+at |\\n\s+at /

const isTraced = (line: LogLine) => trace.test(JSON.stringify(line))

function summary ({ msg, err }: LogLine): string {
  const { code, message } = (err ?? {}) as { code?: string, message?: string }
  return `${msg} (${code ?? message ?? 'no error'})`
}
