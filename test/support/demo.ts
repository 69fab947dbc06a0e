import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { TestClient } from '../../lib/testing/test-client.ts'
import type { ChannelsOptions } from '../../plugins/channels.ts'
import { buildApp } from '../../routes/app.ts'
import { implementCrowds, implementLab, implementLedger, implementOwn, LabJournal } from './lab.ts'
import { bearer, LogSink, type LogLine } from './serve.ts'

/** Somebody with a token of the demo's. */
export interface Identity { readonly name: string, readonly token: string, readonly userId: string }

export interface Visitor extends Identity { readonly client: TestClient, readonly journal: LabJournal }

export interface Demo {
  readonly app: FastifyInstance
  readonly http: string
  readonly url: string
  readonly log: LogLine[]
  logged (message: string): Promise<LogLine>
  identity (name: string): Promise<Identity>
  /** Connects somebody, and joins a channel where one is given. */
  connect (name: string, channel?: string, path?: string, token?: string): Promise<Visitor>
}

/** The demo as `npm start` serves it, with the lab beside it on `/ws/lab`. */
export async function serveDemo (t: Test, options: ChannelsOptions = {}): Promise<Demo> {
  const sink = new LogSink()
  const journal = new LabJournal()
  const channels: ChannelsOptions = { presenceGrace: 0, drain: { timeout: 0 }, ...options }
  const app = await buildApp({ logger: { level: 'info', stream: sink }, channels })
  t.teardown(() => app.close())
  app.ws('/ws/lab', {}, [implementLab(journal), implementLedger(journal), implementOwn(), ...implementCrowds()])
  journal.app = app
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const http = `http://127.0.0.1:${port}`
  const url = `ws://127.0.0.1:${port}`
  return {
    app,
    http,
    url,
    log: sink.lines,
    logged: (message) => sink.logged(message),
    identity: (name) => identityOf(http, name),
    connect: async (name, channel, path = '/ws/chat', token) => {
      const identity = token ? { name, token, userId: subject(token) } : await identityOf(http, name)
      const client = await TestClient.connect(url + path, [], bearer(identity.token))
      if (channel !== undefined) await client.request('join', channel)
      return { ...identity, client, journal }
    }
  }
}

export async function identityOf (http: string, name: string): Promise<Identity> {
  const response = await fetch(`${http}/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name })
  })
  const { token } = await response.json() as { token: string }
  return { name, token, userId: subject(token) }
}

function subject (token: string): string {
  const { sub } = JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString()) as { sub: string }
  return sub
}
