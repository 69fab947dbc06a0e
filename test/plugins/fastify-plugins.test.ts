import { once } from 'node:events'
import { connect } from 'node:http2'
import fastifyCompress from '@fastify/compress'
import fastifyCookie from '@fastify/cookie'
import fastifyCors from '@fastify/cors'
import fastifyHelmet from '@fastify/helmet'
import fastifyJwt from '@fastify/jwt'
import { FastifyOtelInstrumentation } from '@fastify/otel'
import fastifyRateLimit from '@fastify/rate-limit'
import fastifySession from '@fastify/session'
import fastifySwagger from '@fastify/swagger'
import fastifyUnderPressure from '@fastify/under-pressure'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import fastify, {
  type FastifyInstance, type FastifyReply, type FastifyRequest, type RouteShorthandOptions
} from 'fastify'
import t, { type Test } from 'tap'
import { TestClient, type UpgradeRefused } from '../../lib/testing/test-client.ts'
import { channels, type ChannelsOptions, type WsOptions } from '../../plugins/channels.ts'
import { cert, key } from '../support/certificate.ts'
import { implementOwn } from '../support/lab.ts'
import { bearer, secret } from '../support/serve.ts'

// One test for each row of "Fastify plugins beside us" in docs/guide/fastify-plugins.md.

declare module 'fastify' {
  interface Session { user?: { id: string } }
}

interface Serving {
  readonly before?: (app: FastifyInstance) => unknown
  readonly options?: ChannelsOptions
  readonly route?: WsOptions & Pick<RouteShorthandOptions, 'config' | 'onRequest'>
  readonly after?: (app: FastifyInstance) => unknown
}

async function serve (t: Test, { before, options = { jwt: { secret } }, route = {}, after }: Serving) {
  const app = fastify()
  t.teardown(() => app.close())
  await before?.(app)
  await app.register(channels, options)
  app.ws('/ws', route, [implementOwn()])
  app.get('/rest', async () => ({ text: 'x'.repeat(2_000) }))
  await after?.(app)
  const http = await app.listen({ port: 0, host: '127.0.0.1' })
  const connect = (headers: Record<string, string> = {}) =>
    TestClient.connect(`${http.replace('http', 'ws')}/ws`, [], { headers })
  return { app, http, connect, status: (headers?: Record<string, string>) => statusOf(connect(headers)) }
}

async function statusOf (connecting: Promise<TestClient>): Promise<number> {
  return connecting.then(() => 101, (error: UpgradeRefused) => error.status)
}

const ann = { sub: 'ann', name: 'Ann' }
const withToken = (app: FastifyInstance) => bearer(app.jwt.sign(ann)).headers

t.test('@fastify/jwt: a decorator that verifies in a hook answers before the upgrade', async (t) => {
  const authenticate = async (request: FastifyRequest, reply: FastifyReply) => {
    await request.jwtVerify().catch((error: unknown) => reply.send(error))
  }
  const { app, connect, status } = await serve(t, {
    before: (app) => app.register(fastifyJwt, { secret }), options: {}, route: { public: true, onRequest: authenticate }
  })
  t.equal(await status(), 401)
  const client = await connect(withToken(app))
  t.match((await client.request('whoami')).payload, { user: 'ann' })
})

t.test('@fastify/jwt: a hook of the whole application finds the token of a browser, wherever it travels', async (t) => {
  const verify = async (request: FastifyRequest) => { await request.jwtVerify() }
  for (const isFirst of [true, false]) {
    const { app, http } = await serve(t, {
      before: async (app) => {
        await app.register(fastifyJwt, { secret })
        if (isFirst) app.addHook('onRequest', verify)
      },
      options: {},
      after: (app) => {
        if (!isFirst) app.addHook('onRequest', verify)
        app.get('/raw', { websocket: true }, (socket) => socket.close())
      }
    })
    const url = http.replace('http', 'ws')
    const connect = (path: string, offers: string[]) => statusOf(TestClient.connect(url + path, offers))
    const token = app.jwt.sign(ann)
    const encoded = Buffer.from(token).toString('base64url')
    const own = 'fastify-channels.v1'
    t.equal(await connect('/ws', [own, `bearer.${token}`]), 101)
    t.equal(await connect('/ws', [own, `bearer64.${encoded}`]), 101)
    t.equal(await connect(`/ws?token=${token}`, [own]), 101)
    t.equal(await connect('/ws', [own, 'bearer.garbage']), 401)
    t.equal(await connect('/ws', [own, 'bearer64.!']), 401)
    t.equal(await connect('/ws', [own]), 401)
    t.equal(await connect(`/raw?token=${token}`, []), 401, 'a route of the application has its own rules')
  }
})

t.test('@fastify/cookie: a token in a signed cookie, also where it is registered last', async (t) => {
  const { app, status } = await serve(t, {
    before: (app) => app.register(fastifyJwt, { secret, cookie: { cookieName: 'token', signed: true } }),
    options: {},
    after: (app) => app.register(fastifyCookie, { secret: 'of the cookies' })
  })
  const token = app.jwt.sign(ann)
  t.equal(await status({ cookie: `token=${app.signCookie(token)}` }), 101)
  t.equal(await status({ cookie: `token=${token}` }), 401)
})

t.test('@fastify/session: identify reads the session', async (t) => {
  const { app, http, connect, status } = await serve(t, {
    before: async (app) => {
      await app.register(fastifyCookie)
      await app.register(fastifySession, { secret: 'at least 32 characters of cookies', cookie: { secure: false } })
    },
    options: { identify: ({ session }) => session.user },
    after: (app) => app.post('/login', async ({ session }) => { session.user = { id: 'ann' } })
  })
  const login = await fetch(`${http}/login`, { method: 'POST' })
  const cookie = String(login.headers.get('set-cookie')).split(';')[0] as string
  await connect({ cookie })
  t.match(app.registry.all(), [{ userId: 'ann', user: { id: 'ann' } }])
  t.equal(await status(), 401, 'no session')
  t.equal(await status({ cookie: `${cookie}x` }), 401, 'a forged cookie')
})

t.test('@fastify/cors: it lets pages read a refusal, and does not decide who may connect', async (t) => {
  const origin = 'https://app.example.com'
  const { http, status } = await serve(t, {
    before: (app) => app.register(fastifyCors, { origin }), options: { jwt: { secret }, origins: [origin] }
  })
  const refused = await fetch(`${http}/ws`, { headers: { origin } })
  t.equal(refused.status, 401)
  t.equal(refused.headers.get('access-control-allow-origin'), origin)
  const preflight = await fetch(`${http}/ws`, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' }
  })
  t.equal(preflight.status, 204)
  const other = await serve(t, { before: (app) => app.register(fastifyCors, { origin }), route: { public: true } })
  t.equal(await other.status({ origin }), 403, 'an origin of cors alone does not connect')
  t.equal(await status({ origin: 'https://elsewhere.example' }), 403)
})

t.test('@fastify/helmet: its headers are on refusals, and the upgrade works', async (t) => {
  const { app, http, status } = await serve(t, { before: (app) => app.register(fastifyHelmet) })
  t.equal(await status(withToken(app)), 101)
  t.match((await fetch(`${http}/ws`)).headers.get('content-security-policy'), "default-src 'self'")
})

t.test('@fastify/rate-limit: it counts upgrades, and a route may have its own limit or none', async (t) => {
  const limited = await serve(t, {
    before: (app) => app.register(fastifyRateLimit, { max: 1, timeWindow: 60_000 }), route: { public: true }
  })
  t.equal(await limited.status(), 101)
  const refused = await limited.connect().catch((error: UpgradeRefused) => error)
  t.match(refused, { status: 429, headers: { 'retry-after': '60' }, body: '"retryAfter":60000' })
  const free = await serve(t, {
    before: (app) => app.register(fastifyRateLimit, { max: 1, timeWindow: 60_000 }),
    route: { public: true, config: { rateLimit: false } }
  })
  for (let i = 0; i < 3; i++) t.equal(await free.status(), 101)
})

t.test('@fastify/swagger: WebSocket routes are hidden', async (t) => {
  const { app } = await serve(t, { before: (app) => app.register(fastifySwagger) })
  t.strictSame(Object.keys(app.swagger().paths ?? {}), ['/rest'])
})

t.test('@fastify/under-pressure: it refuses upgrades with 503, and leaves open connections alone', async (t) => {
  let isHealthy = true
  const { connect, status } = await serve(t, {
    before: (app) => app.register(fastifyUnderPressure, {
      healthCheck: async () => isHealthy, healthCheckInterval: 5, retryAfter: 7
    }),
    route: { public: true }
  })
  const client = await connect()
  isHealthy = false
  while (await status() !== 503) t.match(await client.request('ping'), { type: 'ack' })
  const refused = await connect().catch((error: UpgradeRefused) => error)
  t.match(refused, { status: 503, headers: { 'retry-after': '7' }, body: '"retryAfter":7000' })
  t.match(await client.request('ping'), { type: 'ack' })
})

t.test('@fastify/otel: a refused upgrade has a span, an admitted one does not end', async (t) => {
  const exporter = new InMemorySpanExporter()
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  const instrumentation = new FastifyOtelInstrumentation()
  instrumentation.setTracerProvider(provider)
  const { app, http, status } = await serve(t, { before: (app) => app.register(instrumentation.plugin()) })
  await fetch(`${http}/rest`)
  t.equal(await status(), 401)
  t.equal(await status(withToken(app)), 101)
  const requests = exporter.getFinishedSpans().filter(({ name }) => name === 'request')
  t.strictSame(requests.map(({ attributes }) => [attributes['url.path'], attributes['http.response.status_code']]),
    [['/rest', 200], ['/ws', 401]])
})

t.test('http2: a browser upgrades over HTTP/1.1, and HTTP/2 gets 426', async (t) => {
  const app = fastify({ http2: true, https: { key, cert, allowHTTP1: true } })
  t.teardown(() => app.close())
  await app.register(channels, { jwt: { secret } })
  app.ws('/ws', { public: true }, [implementOwn()])
  const address = await app.listen({ port: 0, host: '127.0.0.1' })
  const client = await TestClient.connect(`${address.replace('http', 'ws')}/ws`, [], { rejectUnauthorized: false })
  t.match(await client.request('ping'), { type: 'ack' })
  const session = connect(address, { rejectUnauthorized: false })
  const [headers] = await once(session.request({ ':path': '/ws' }), 'response') as [Record<string, unknown>]
  t.equal(headers[':status'], 426)
  session.destroy()
})

t.test('@fastify/compress: REST answers are compressed, the upgrade and messages are left alone', async (t) => {
  const { app, http, connect } = await serve(t, { before: (app) => app.register(fastifyCompress) })
  t.equal((await fetch(`${http}/rest`)).headers.get('content-encoding'), 'gzip')
  const client = await connect({ ...withToken(app), 'accept-encoding': 'gzip, br' })
  t.match((await client.request('whoami')).payload, { user: 'ann' })
  t.equal(client.webSocket.extensions, '')
  t.match(await (await fetch(`${http}/ws`)).json(), { code: 'FST_CHANNELS_UNAUTHENTICATED' })
})
