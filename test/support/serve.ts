import type { AddressInfo } from 'node:net'
import fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import type { Test } from 'tap'
import { TestClient } from '../../lib/testing/test-client.ts'
import { channels, type ChannelsOptions } from '../../plugins/channels.ts'
import { implementLab, implementOwn, LabJournal } from './lab.ts'

/** A server that listens on loopback until the test is over, its log kept. */
export interface Served {
  readonly app: FastifyInstance
  readonly http: string
  readonly url: string
  readonly log: LogLine[]
  /** Resolves with the first log line that has this message, past or future. */
  logged (message: string): Promise<LogLine>
  token (name: string, claims?: object): string
}

export type LogLine = Record<string, unknown> & { readonly msg: string, readonly level: number }

/** Keeps the lines of a server's log. */
export class LogSink {
  readonly lines: LogLine[] = []
  #watchers: Array<() => void> = []

  write (text: string): void {
    this.lines.push(JSON.parse(text) as LogLine)
    for (const look of this.#watchers) look()
  }

  logged (message: string): Promise<LogLine> {
    return new Promise((resolve) => {
      const look = () => {
        const line = this.lines.find(({ msg }) => msg === message)
        if (!line) return
        this.#watchers = this.#watchers.filter((watcher) => watcher !== look)
        resolve(line)
      }
      this.#watchers.push(look)
      look()
    })
  }
}

export const secret = 'a secret for tests, and for nothing else'

/** An application with the plugin, before it listens. */
export async function makeApp (
  t: Test, options: ChannelsOptions = {}, server: FastifyServerOptions = {}
): Promise<{ app: FastifyInstance, sink: LogSink }> {
  const sink = new LogSink()
  const app = fastify({ logger: { level: 'debug', stream: sink }, ...server })
  t.teardown(() => app.close())
  await app.register(channels, { jwt: { secret }, presenceGrace: 0, drain: { timeout: 0 }, ...options })
  return { app, sink }
}

export async function listen (app: FastifyInstance, sink: LogSink): Promise<Served> {
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  return {
    app,
    http: `http://127.0.0.1:${port}`,
    url: `ws://127.0.0.1:${port}`,
    log: sink.lines,
    logged: (message) => sink.logged(message),
    token: (name, claims = {}) => app.jwt.sign({ sub: `id-of-${name}`, name, ...claims })
  }
}

/** The lab on `/lab`, served and watched. */
export async function serveLab (
  t: Test, options: ChannelsOptions = {}
): Promise<Served & { journal: LabJournal, connect: (name: string) => Promise<TestClient> }> {
  const journal = new LabJournal()
  const { app, sink } = await makeApp(t, options)
  app.ws('/lab', {}, [implementLab(journal), implementOwn()])
  const served = await listen(app, sink)
  const connect = (name: string) => TestClient.connect(`${served.url}/lab`, [], bearer(served.token(name)))
  return { ...served, journal, connect }
}

export function bearer (token: string): { headers: { authorization: string } } {
  return { headers: { authorization: `Bearer ${token}` } }
}
