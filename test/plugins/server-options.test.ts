import { once, type EventEmitter } from 'node:events'
import { createServer } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { connect as connectTcp } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import t, { type Test } from 'tap'
import {
  WebSocket, type ServerOptions, type VerifyClientCallbackAsync, type VerifyClientCallbackSync
} from 'ws'
import { TestClient } from '../../lib/testing/test-client.ts'
import type { ChannelsOptions } from '../../plugins/channels.ts'
import { settingsOf } from '../../plugins/settings.ts'
import { cert, key } from '../support/certificate.ts'
import { handshake, plain, readAnswer, type Answer } from '../support/hostile/http.ts'
import { RawSocket } from '../support/hostile/raw-socket.ts'
import { makeApp } from '../support/serve.ts'

/** Servers with every option that changes how requests arrive: each serves REST and upgrades, and stays alive. */
interface Row {
  /** Options of Fastify. */
  readonly server?: FastifyServerOptions & Record<string, unknown>
  /** Options of `ws`. */
  readonly ws?: ServerOptions
  readonly isTls?: boolean
  /** Whether the server understands HTTP/2, and HTTP/1 too. Default: HTTP/1 alone. */
  readonly versions?: 'HTTP/2' | 'both'
}

const serverRows: Readonly<Record<string, Row>> = {
  'no options': {},
  http2: { server: { http2: true }, versions: 'HTTP/2' },
  'http2 over TLS': { server: { http2: true, https: { key, cert } }, isTls: true, versions: 'HTTP/2' },
  'http2 with allowHTTP1': {
    server: { http2: true, https: { key, cert, allowHTTP1: true } }, isTls: true, versions: 'both'
  },
  'http2 with extended CONNECT': {
    server: { http2: true, https: { key, cert, allowHTTP1: true, settings: { enableConnectProtocol: true } } },
    isTls: true,
    versions: 'both'
  },
  https: { server: { https: { key, cert } }, isTls: true },
  serverFactory: { server: { serverFactory: (handler) => createServer(handler) } },
  'requireHostHeader: false': { server: { http: { requireHostHeader: false } } },
  'joinDuplicateHeaders and a lenient parser': {
    server: { http: { joinDuplicateHeaders: true, insecureHTTPParser: true } }
  },
  'routes in any case and with slashes': {
    server: { caseSensitive: false, ignoreTrailingSlash: true, ignoreDuplicateSlashes: true }
  },
  routerOptions: { server: { routerOptions: { maxParamLength: 10 }, useSemicolonDelimiter: true } },
  rewriteUrl: { server: { rewriteUrl: ({ url = '' }) => url.replace('/api', '') } },
  'return503OnClosing: false': { server: { return503OnClosing: false, forceCloseConnections: true } },
  timeouts: {
    server: { connectionTimeout: 5_000, requestTimeout: 5_000, keepAliveTimeout: 5_000, handlerTimeout: 5_000 }
  },
  'exposeHeadRoutes: false': { server: { exposeHeadRoutes: false, maxRequestsPerSocket: 2 } },
  'no logger': { server: { logger: false, disableRequestLogging: true } },
  frameworkErrors: { server: { frameworkErrors: (_error, _request, reply) => { reply.send('bad' as never) } } },
  'a trusted proxy': { server: { trustProxy: '127.0.0.1' } }
}

const wsRows: Readonly<Record<string, Row>> = {
  'maxPayload: 1000': { ws: { maxPayload: 1_000 } },
  skipUTF8Validation: { ws: { skipUTF8Validation: true } },
  'allowSynchronousEvents: false': { ws: { allowSynchronousEvents: false } },
  'autoPong: false': { ws: { autoPong: false } },
  backlog: { ws: { backlog: 1, host: '127.0.0.1' } },
  handleProtocols: { ws: { handleProtocols: () => false } },
  'clientTracking: false': { ws: { clientTracking: false } },
  verifyClient: { ws: { verifyClient: () => true } },
  'verifyClient with a callback': { ws: { verifyClient: (_info, done) => setImmediate(done, true) } },
  perMessageDeflate: { ws: { perMessageDeflate: { threshold: 0 } } },
  'maxFragments: 1': { ws: { maxFragments: 1 } as ServerOptions },
  path: { ws: { path: '/ws' } },
  'a WebSocket class': { ws: { WebSocket: class extends WebSocket {} } }
}

async function serves (t: Test, row: Row): Promise<void> {
  const { versions } = row
  const app = await start(t, row)
  if (versions !== undefined) await speakHttp2(t, app, row)
  if (versions !== 'HTTP/2') await speakHttp1(t, app, row)
  await app.close()
}

t.test('a server with any option of Fastify serves REST and upgrades', async (t) => {
  for (const [name, row] of Object.entries(serverRows)) await t.test(name, (t) => serves(t, row))
})

t.test('a server with any option of ws serves REST and upgrades', async (t) => {
  for (const [name, row] of Object.entries(wsRows)) await t.test(name, (t) => serves(t, row))
})

async function start (t: Test, { server, ws }: Row): Promise<FastifyInstance> {
  const { app } = await makeApp(t, { websocket: { options: ws as never } }, server as FastifyServerOptions)
  app.ws('/ws', { public: true }, [])
  app.get('/raw', { websocket: true }, () => {})
  app.post('/rest', async ({ body }) => body)
  app.get('/rest', async () => 'rest')
  await app.listen({ port: 0, host: '127.0.0.1' })
  return app
}

const portOf = (app: FastifyInstance) => (app.server.address() as AddressInfo).port

/** The statuses of plain requests, in HTTP/2. */
async function speakHttp2 (t: Test, app: FastifyInstance, { isTls = false }: Row): Promise<void> {
  const session = connectHttp2(`${isTls ? 'https' : 'http'}://127.0.0.1:${portOf(app)}`, { ca: cert })
  const statusOf = (headers: Record<string, string>) => new Promise((resolve, reject) => {
    const stream = session.request(headers)
    stream.on('response', ({ ':status': status }) => resolve(status)).on('error', reject)
    stream.resume().end()
  })
  t.equal(await statusOf({ ':path': '/ws' }), 426, 'a WebSocket route')
  t.equal(await statusOf({ ':path': '/ws', 'sec-websocket-version': '12' }), 426, 'a handshake without an upgrade')
  t.equal(await statusOf({ ':path': '/nowhere' }), 404, 'an unknown route')
  t.equal(await statusOf({ ':path': '/rest' }), 200, 'REST')
  session.destroy()
}

/** An upgrade, and plain requests with and without another upgrade, in HTTP/1. */
async function speakHttp1 (t: Test, app: FastifyInstance, { isTls = false }: Row): Promise<void> {
  const ask = (request: string) => answerOf(portOf(app), isTls, request)
  const client = await TestClient.connect(`${isTls ? 'wss' : 'ws'}://127.0.0.1:${portOf(app)}/ws`, [], { ca: cert })
  t.match(await client.request('ping'), { type: 'ack' }, 'an upgrade')
  await client.close()
  t.match(await ask(plain({ path: '/ws' })), { status: 426, headers: { upgrade: 'websocket' } }, 'a WebSocket route')
  t.match(await ask(plain({ path: '/rest' })), { status: 200 }, 'REST')
  const body = '{"a":"é"}'
  t.match(await ask(handshake({
    method: 'POST',
    path: '/rest',
    headers: {
      connection: 'Upgrade, HTTP2-Settings',
      upgrade: 'h2c',
      'http2-settings': 'AAMAAABkAAQAoAAAAAIAAAAA',
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body))
    }
  }) + body), { status: 200, body }, 'REST with another upgrade')
}

async function answerOf (port: number, isTls: boolean, request: string): Promise<Answer> {
  const socket = isTls ? connectTls({ port, host: '127.0.0.1', ca: cert }) : connectTcp(port, '127.0.0.1')
  socket.write(request)
  let received = Buffer.alloc(0)
  for await (const chunk of socket) {
    received = Buffer.concat([received, chunk as Buffer])
    const answer = readAnswer(received)
    if (answer !== undefined) return answer
  }
  throw new Error(`the server closed the connection after ${received.length} bytes`)
}

t.test('limits of ws: a number that means no limit for ws is refused at registration', async (t) => {
  for (const name of ['maxPayload', 'maxFragments', 'maxBufferedChunks', 'maxPendingAutoPongs']) {
    for (const value of [0, -1, 0.5, NaN, Infinity, 2 ** 31, 2 ** 32]) {
      const message = new RegExp(`'websocket.options.${name}': pass a whole number from 1 to`)
      await t.rejects(start(t, { ws: { [name]: value } }), { code: 'FST_CHANNELS_OPTIONS', message }, `${value}`)
    }
  }
  for (const maxPayload of [0, 2 ** 31, 2 ** 32]) {
    await t.rejects(makeApp(t, { maxPayload }), { code: 'FST_CHANNELS_OPTIONS' }, `${maxPayload}`)
  }
})

t.test('limits of ws: an option that is undefined has its default', async (t) => {
  const none = { maxPayload: undefined, maxFragments: undefined }
  for (const options of [{ maxPayload: undefined }, { websocket: { options: none } }] as ChannelsOptions[]) {
    const { app } = await makeApp(t, options)
    t.match(app.websocketServer.options, { maxPayload: 65_536, maxFragments: 256 })
  }
  const nested = { limits: { perIp: undefined }, heartbeat: { interval: undefined } }
  const { limits, heartbeat } = settingsOf(nested as never)
  t.match([limits, heartbeat], [{ perIp: 100 }, { interval: 30_000 }])
})

t.test('other upgrades: many requests of one connection leave no listener on its socket', async (t) => {
  const app = await start(t, {})
  const accepted = once(app.server, 'connection')
  const raw = await RawSocket.open(portOf(app))
  const [socket] = await accepted as [EventEmitter]
  const counts: number[] = []
  for (let i = 1; i <= 20; i++) {
    raw.write(handshake({ path: '/rest', headers: { upgrade: 'h2c', connection: 'keep-alive, Upgrade' } }))
    await raw.until((received) => String(received).split('HTTP/1.1 200').length > i || undefined)
    counts.push(socket.eventNames().reduce((sum, name) => sum + socket.listenerCount(name), 0))
  }
  t.strictSame([...new Set(counts)].length, 1, String(counts))
  await raw.destroy()
})

t.test('other upgrades: those of a server in the options of ws are served by that server', async (t) => {
  const other = createServer((_request, response) => { response.end('other') })
  const app = await start(t, { ws: { server: other } })
  other.listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const { port } = other.address() as AddressInfo
  const client = await TestClient.connect(`ws://127.0.0.1:${port}/ws`)
  t.match(await client.request('ping'), { type: 'ack' })
  await client.close()
  const answer = await answerOf(port, false, handshake({ path: '/rest', headers: { upgrade: 'h2c' } }))
  t.match(answer, { status: 200, body: /other/ })
  other.closeAllConnections()
  await app.close()
})

t.test('other upgrades: a reset while an earlier request is handled is survived', async (t) => {
  const { app } = await makeApp(t)
  let answer = () => {}
  app.get('/late', () => new Promise((resolve) => { answer = () => resolve('late') }))
  await app.listen({ port: 0, host: '127.0.0.1' })
  const upgraded = once(app.server, 'upgrade')
  const raw = await RawSocket.open(portOf(app))
  raw.write(plain({ path: '/late' }) + handshake({ path: '/rest', headers: { upgrade: 'h2c' } }))
  const [, socket] = await upgraded as [unknown, EventEmitter]
  const closed = new Promise((resolve) => socket.on('close', resolve))
  await raw.reset()
  await closed
  answer()
  t.match(await app.inject('/nowhere'), { statusCode: 404 })
})

t.test('headers: an upgrade with more headers than the application lets Node read is refused', async (t) => {
  const app = await start(t, {})
  app.server.maxHeadersCount = 20
  const others = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`x-${i}`, 'x']))
  const headers = { ...others, origin: 'https://a.b' }
  const answer = await answerOf(portOf(app), false, handshake({ path: '/ws', headers }))
  // Node.js 22.23 and 24.21 refuse it themselves, before the plugin sees it.
  if (answer?.status !== 431) t.match(answer, { status: 400, body: /Too many headers: send at most 20/ })
  t.ok(!app.registry.size, 'nobody is connected')
})

t.test('ws options: a refusal of verifyClient, and another path, have an answer in JSON', async (t) => {
  type Verify = NonNullable<ServerOptions['verifyClient']>
  const verify = (...verdict: Parameters<Parameters<VerifyClientCallbackAsync>[1]>): Verify =>
    (_info, done) => { setImmediate(done, ...verdict) }
  const isOther: VerifyClientCallbackSync = ({ origin, secure, req }) =>
    origin !== 'https://a.test' || secure || !req.headers.host
  for (const [verifyClient, status, message] of [
    [() => false, 401, "The option 'verifyClient' of the server refuses this client."],
    [(async () => false) as never, 401, "The option 'verifyClient' of the server refuses this client."],
    [verify(false), 401, "The option 'verifyClient' of the server refuses this client."],
    [verify(false, 429, 'later', { 'Retry-After': '7' }), 429, 'later'],
    [isOther, 401, /refuses/]
  ] as Array<[Verify, number, unknown]>) {
    const app = await start(t, { ws: { verifyClient } })
    const headers = { origin: 'https://a.test', host: 'a.test' }
    for (const [path, request] of [['/ws', handshake], ['/ws', plain], ['/raw', handshake]] as const) {
      const answer = await answerOf(portOf(app), false, request({ path, headers }))
      t.match(answer, { status, headers: { 'content-type': /json/, 'retry-after': status === 429 ? '7' : undefined } })
      t.match(JSON.parse(answer?.body ?? ''), { statusCode: status, code: 'FST_CHANNELS_CLIENT_REFUSED', message })
    }
  }
  const failing: Verify = async (_info, _done) => { throw new Error('on purpose') }
  const failed = await start(t, { ws: { verifyClient: failing } })
  const answered = await answerOf(portOf(failed), false, handshake({ path: '/ws' }))
  t.match(answered, { status: 500 }, 'a function with a callback that rejects ends no process')
  const app = await start(t, { ws: { path: '/elsewhere' } })
  const answer = await answerOf(portOf(app), false, handshake({ path: '/ws?a=1' }))
  t.match(JSON.parse(answer?.body ?? ''), { statusCode: 404, code: 'FST_CHANNELS_NO_SUCH_ROUTE' })
})

t.test('compression: malformed extensions get an answer in JSON', async (t) => {
  const app = await start(t, { ws: { perMessageDeflate: true } })
  const headers = { 'sec-websocket-extensions': 'permessage-deflate; ;=,,"' }
  const answer = await answerOf(portOf(app), false, handshake({ path: '/ws', headers }))
  t.match(answer, { status: 400, headers: { 'content-type': /json/, connection: 'close' } })
  const message = 'Invalid or unacceptable Sec-WebSocket-Extensions header.'
  t.match(JSON.parse(answer?.body ?? ''), { statusCode: 400, code: 'FST_CHANNELS_BAD_HANDSHAKE', message })
  t.equal(app.channels.status().counters.rejections.http_400, 1)
})
