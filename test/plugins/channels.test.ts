import cluster from 'node:cluster'
import { once } from 'node:events'
import fastifyCookie from '@fastify/cookie'
import fastifyJwt from '@fastify/jwt'
import fastifyWebsocket from '@fastify/websocket'
import { Type } from '@sinclair/typebox'
import fastify, { type FastifyReply } from 'fastify'
import t from 'tap'
import { WebSocket } from 'ws'
import { MemoryAdapter, MemoryHub } from '../../lib/memory/memory-adapter.ts'
import { defineChannel } from '../../lib/contract/define-channel.ts'
import { implement, handler } from '../../lib/server/implement.ts'
import { TestClient } from '../../lib/testing/test-client.ts'
import { channels, type ChannelsOptions } from '../../plugins/channels.ts'
import { implementLab, lab } from '../support/lab.ts'
import { bearer, listen, makeApp, secret, serveLab, type Served } from '../support/serve.ts'

const news = defineChannel({
  pattern: 'news',
  fromClient: { read: { reply: Type.Object({ tenant: Type.String(), visitor: Type.String() }) } },
  fromServer: {}
})

const implementedNews = implement(news, {
  on: {
    read: handler(news, 'read', (ctx) => {
      const { tenant = '' } = ctx.locals as { tenant?: string } | undefined ?? {}
      return { tenant, visitor: (ctx.user as { name: string } | undefined)?.name ?? 'nobody' }
    })
  }
})

async function refused (attempt: PromiseLike<unknown>): Promise<Error & {
  code: string
  status: number
  headers: Record<string, unknown>
  body: string
}> {
  return attempt.then(() => { throw new Error('not refused') }, (error) => error)
}

t.test('registration: an existing @fastify/websocket is refused with a remedy', async (t) => {
  const app = fastify()
  await app.register(fastifyWebsocket)
  t.match(
    await refused(app.register(channels, {})),
    { code: 'FST_CHANNELS_WEBSOCKET_REGISTERED', message: /pass its options as 'websocket'/ }
  )
})

t.test('registration: a route without authentication is refused', async (t) => {
  const app = fastify()
  await app.register(channels, {})
  t.throws(
    () => app.ws('/open', {}, [implementedNews]),
    { code: 'FST_CHANNELS_UNPROTECTED_ROUTE', message: /'\/open'.*public: true/ }
  )
  t.doesNotThrow(() => app.ws('/public', { public: true }, [implementedNews]))
  t.doesNotThrow(() => app.ws('/identified', { identify: () => ({ id: 1 }) }, []))
})

t.test('registration: an invalid contract is refused with its path', async (t) => {
  const { app } = await makeApp(t)
  const other = (definition: object) =>
    implement(defineChannel({ pattern: 'other', fromClient: {}, fromServer: {}, ...definition }), { on: {} } as never)
  const cases: Array<[string, () => unknown, RegExp]> = [
    [
      'a control word',
      () => app.ws('/1', {}, [other({ fromServer: { ack: {} } })]),
      /^reserved message type 'ack' in channel 'other', fromServer: /
    ],
    [
      'overlapping patterns',
      () =>
        app.ws(
          '/2', {}, [other({ pattern: 'x/:a', params: Type.Object({ a: Type.String() }) }), other({ pattern: 'x/y' })]
        ),
      /^an overlap with the pattern 'x\/:a' in channel 'x\/y': /
    ],
    [
      'an unknown format',
      () => app.ws('/3', {}, [other({ fromServer: { at: { payload: Type.String({ format: 'nonsense' }) } } })]),
      /^unknown format 'nonsense' in channel 'other', fromServer 'at', payload: /
    ],
    [
      'a contract twice',
      () => app.ws('/4', {}, [implementedNews, implementedNews]),
      /^duplicate contract in channel 'news': /
    ],
    [
      'a missing handler',
      () => app.ws('/5', {}, [{ ...implementedNews, implementation: { on: {} } }]),
      /^missing handler 'read' in channel 'news': /
    ],
    [
      'a handler too many',
      () =>
        app.ws(
          '/6',
          {},
          [{ ...implementedNews, implementation: { on: { ...implementedNews.implementation.on, x: () => {} } } }]
        ),
      /^unknown handler 'x' in channel 'news': use one of 'read'$/
    ],
    [
      'a missing presence',
      () => app.ws('/7', {}, [{ channel: lab, implementation: { on: implementLab().implementation.on } }]),
      /^missing function 'presence' in channel 'lab\/:id': /
    ]
  ]
  for (const [name, attempt, message] of cases) t.throws(attempt, { code: 'FST_CHANNELS_CONTRACT', message }, name)
})

t.test('routes: app.ws(url, [channel]) serves a route without options', async (t) => {
  const { app, sink } = await makeApp(t)
  app.ws('/news', [implementedNews])
  const { url, token } = await listen(app, sink)
  const client = await TestClient.connect(`${url}/news`, [], bearer(token('ann')))
  t.match(await client.request('join', 'news'), { type: 'ack' })
})

t.test('decorators: with false every service is on app.channels alone', async (t) => {
  const app = fastify()
  app.decorate('registry', 'of the application' as never)
  await app.register(channels, { decorators: false })
  t.equal(app.registry, 'of the application')
  for (const name of ['rooms', 'heartbeat']) t.notOk(app.hasDecorator(name), name)
  t.equal(app.channels.registry.size, 0)
  t.equal(app.channels.rooms.size, 0)
  t.equal(app.channels.heartbeat.size, 0)
})

t.test('cluster: a process without Redis logs one warning', async (t) => {
  const { NODE_APP_INSTANCE: instance } = process.env
  t.teardown(() => {
    Object.assign(cluster, { isWorker: false })
    if (instance === undefined) delete process.env['NODE_APP_INSTANCE']
  })
  const warnings = async (options: ChannelsOptions = {}) => {
    const { sink } = await makeApp(t, options)
    return sink.lines.filter(({ level, msg }) => level === 40 && /one of several/.test(msg)).length
  }
  t.equal(await warnings(), 0, 'a single process gets none')
  Object.assign(cluster, { isWorker: true })
  t.equal(await warnings(), 1, 'a worker of node:cluster gets one')
  t.equal(await warnings({ adapter: new MemoryAdapter() }), 0, 'a worker with an adapter gets none')
  process.env['NODE_APP_INSTANCE'] = '0'
  t.equal(await warnings(), 0, 'the first instance of PM2 gets none')
  process.env['NODE_APP_INSTANCE'] = '1'
  t.equal(await warnings(), 1, 'the second instance of PM2 gets one')
})

t.test('routes: hooks, schemas and prefix apply as to any Fastify route', async (t) => {
  const { app, sink } = await makeApp(t)
  const order: string[] = []
  app.register(async (scope) => {
    scope.addHook('onRequest', async () => { order.push('scope onRequest') })
    scope.ws('/:tenant/news', {
      schema: { querystring: Type.Object({ v: Type.Integer() }) },
      onRequest: async () => { order.push('route onRequest') },
      preHandler: [async (request, reply) => {
        order.push(`preHandler of ${request.user.name}`)
        if (request.headers['x-banned']) return reply.code(403).send({ error: 'banned' })
      }],
      locals: (request) => ({ tenant: (request.params as { tenant: string }).tenant })
    }, [implementedNews])
  }, { prefix: '/api' })
  const { url, token } = await listen(app, sink)
  const connect = (query: string, headers = {}) =>
    TestClient.connect(`${url}/api/acme/news${query}`, [], { headers: { ...bearer(token('ann')).headers, ...headers } })

  const client = await connect('?v=1')
  await client.request('join', 'news')
  t.strictSame((await client.request('read', 'news')).payload, { tenant: 'acme', visitor: 'ann' })
  t.strictSame(order, ['scope onRequest', 'route onRequest', 'preHandler of ann'])
  t.match(await refused(connect('?v=x')), { status: 400, body: /querystring\/v/ })
  t.match(await refused(connect('?v=1', { 'x-banned': '1' })), { status: 403, body: /banned/ })
  t.equal((await app.inject({ method: 'HEAD', url: '/api/acme/news?v=1' })).statusCode, 401)
  t.equal((await app.inject({ method: 'POST', url: '/api/acme/news?v=1' })).statusCode, 404)
})

/** What an upgrade and a plain request of one client get: status, body, and the headers that say what to do. */
async function twoAnswers ({ url, http }: Served, headers: Record<string, string>): Promise<[unknown, unknown]> {
  const upgrade = await refused(TestClient.connect(`${url}/lab`, [], { headers }))
  const plain = await fetch(`${http}/lab`, { headers })
  const told = (from: Record<string, unknown>) => [from['retry-after'], from['cache-control'], from['content-type']]
  return [
    [upgrade.status, JSON.parse(upgrade.body), told(upgrade.headers)],
    [plain.status, await plain.json(), told(Object.fromEntries(plain.headers))]
  ]
}

t.test('plain request: it gets the answer of an upgrade, also where other nodes count', async (t) => {
  const hub = new MemoryHub()
  const serve = (options: ChannelsOptions) => serveLab(t, { adapter: new MemoryAdapter(hub), ...options })
  const served = await serve({ limits: { perUser: 2 } })
  const full = await serve({ limits: { connections: 1, perUser: 2 } })
  const crowded = await serve({ limits: { perIp: 1 } })
  await served.connect('ann')
  await Promise.all([full, crowded].map(({ connect }) => connect('bob')))
  const as = (name: string, claims?: object) => ({ authorization: `Bearer ${served.token(name, claims)}` })
  await served.app.registry.revoke({ jti: 'revoked' }, Date.now() + 60_000)
  type Headers = Record<string, string>
  const rows: ReadonlyArray<readonly [Served, Headers, status: number, code: string, retryAfter?: number]> = [
    [served, {}, 401, 'FST_CHANNELS_UNAUTHENTICATED'],
    [served, as('ann', { jti: 'revoked' }), 401, 'FST_CHANNELS_UNAUTHENTICATED'],
    [served, { ...as('ann'), origin: 'https://evil.example' }, 403, 'FST_CHANNELS_FORBIDDEN_ORIGIN'],
    [served, as('bob'), 429, 'FST_CHANNELS_TOO_MANY_CONNECTIONS', 5_000],
    [crowded, as('cy'), 429, 'FST_CHANNELS_TOO_MANY_CONNECTIONS', 5_000],
    [full, as('cy'), 503, 'FST_CHANNELS_SERVER_FULL', 5_000]
  ]
  for (const [server, headers, status, code, retryAfter] of rows) {
    const [upgrade, plain] = await twoAnswers(server, headers)
    const seconds = retryAfter && String(retryAfter / 1_000)
    t.match(plain, [status, { statusCode: status, code, message: String, retryAfter }, [seconds, 'no-store', /json/]])
    t.strictSame(plain, upgrade, `${status} ${code}`)
    const ask = async (method: string) => (await fetch(`${server.http}/lab`, { method, headers })).headers
    const lengths = (await Promise.all(['GET', 'HEAD'].map(ask))).map((answer) => answer.get('content-length'))
    t.equal(lengths[0], lengths[1], 'the answer to a HEAD announces the length of that to a GET')
  }
})

t.test('plain request: it takes no quota, opens nothing to another origin, and runs no handler', async (t) => {
  const { app, sink } = await makeApp(t, { limits: { connections: 1, perIp: 1, perUser: 1 } })
  const ran: string[] = []
  app.ws('/lab', {
    onRequest: async () => { ran.push('onRequest') },
    preHandler: async () => { ran.push('preHandler') },
    locals: () => ran.push('locals')
  }, [implementLab()])
  const { http, url, token } = await listen(app, sink)
  const { headers } = bearer(token('ann'))
  const asked = Array.from({ length: 20 }, () => fetch(`${http}/lab`, { headers }))
  const client = await TestClient.connect(`${url}/lab`, [], { headers })
  for (const { status } of await Promise.all(asked)) t.ok([426, 503].includes(status), String(status))
  t.strictSame(ran.filter((hook) => hook === 'locals'), ['locals'], 'of the upgrade alone')
  await client.close()
  const answer = await fetch(`${http}/lab`, { headers: { ...headers, origin: http } })
  t.strictSame([answer.status, answer.headers.get('upgrade')], [426, 'websocket'])
  t.strictSame([...answer.headers.keys()].filter((name) => name.startsWith('access-control')), [])
  t.strictSame(ran.slice(-2), ['onRequest', 'preHandler'], 'the hooks of the route run')
  t.equal((await fetch(`${http}/lab`, { method: 'HEAD' })).status, 401)
  t.equal((await fetch(`${http}/lab`, { method: 'OPTIONS' })).status, 404, 'no preflight is answered')
})

t.test('refusals: the application writes its own answers, which keep Retry-After', async (t) => {
  const { app, sink } = await makeApp(t, { limits: { perIp: 1 } })
  const answers = [
    async (_: unknown, _request: unknown, reply: FastifyReply) => reply.code(429).type('text/html').send('<p>later'),
    async ({ code }: { code: string }, _: unknown, reply: FastifyReply) => reply.code(429).send({ own: true, code }),
    async ({ code }: Error & { code: string }, _: unknown, reply: FastifyReply) =>
      reply.code(429).send({ code, retryAfter: 7 }),
    async (_: unknown, _request: unknown, reply: FastifyReply) => reply.code(429).send({ own: true }),
    async (_: unknown, _request: unknown, reply: FastifyReply) => reply.code(429).send('{own')
  ]
  for (const [i, errorHandler] of answers.entries()) app.ws(`/${i}`, { public: true, errorHandler }, [])
  const { url } = await listen(app, sink)
  await TestClient.connect(`${url}/0`)
  const [html, json, ...others] = await Promise.all(
    answers.map((_, i) => refused(TestClient.connect(`${url}/${i}`)))
  )
  t.match(html, { status: 429, body: '<p>later', headers: { 'retry-after': '5' } })
  t.strictSame(JSON.parse(String(json?.body)), {
    own: true, code: 'FST_CHANNELS_TOO_MANY_CONNECTIONS', retryAfter: 5_000
  }, 'JSON with the code gets retryAfter')
  t.match(others.map(({ body }) => body), [/,"retryAfter":7}$/, '{"own":true}', '{own'], 'once, and no other JSON')
})

t.test('routes: raw WebSocket routes of the application keep working', async (t) => {
  const { app, sink } = await makeApp(t, { websocket: { options: { maxPayload: 10 } } })
  app.get('/raw', { websocket: true }, (socket, request) => {
    socket.on('message', (data) => socket.send(`${String(data)} ${(request.query as { token: string }).token}`))
  })
  app.get('/plain', async () => 'plain')
  const { url, log } = await listen(app, sink)
  const raw = new WebSocket(`${url}/raw?token=a%20b`, ['theirs', 'other'])
  const answer = new Promise((resolve) => raw.on('message', (data) => resolve(String(data))))
  raw.on('open', () => raw.send('hello'))
  t.equal(await answer, 'hello a b')
  t.equal(raw.protocol, 'theirs')
  t.match(await refused(TestClient.connect(`${url}/plain`)), { status: 404 })
  t.equal((await app.inject('/plain')).body, 'plain')
  t.ok(log.some(({ req }) => (req as { url?: string } | undefined)?.url === '/raw?token=[redacted]'))
  const closed = new Promise((resolve) => raw.on('close', (code) => resolve(code)))
  await app.close()
  t.equal(await closed, 1001)
})

t.test('authentication', async (t) => {
  t.test('is found in a cookie of @fastify/jwt', async (t) => {
    const app = fastify()
    t.teardown(() => app.close())
    await app.register(fastifyCookie)
    await app.register(fastifyJwt, { secret, cookie: { cookieName: 'session', signed: false } })
    await app.register(channels, {})
    app.ws('/news', {}, [implementedNews])
    const { url, token } = await listen(app, { lines: [], logged: async () => ({ msg: '', level: 0 }) } as never)
    const client = await TestClient.connect(`${url}/news`, [], { headers: { cookie: `session=${token('ann')}` } })
    await client.request('join', 'news')
    t.match((await client.request('read', 'news')).payload, { visitor: 'ann' })
    t.match(
      await refused(TestClient.connect(`${url}/news`, [], { headers: { cookie: 'session=garbage' } })), { status: 401 }
    )
    t.match(await refused(TestClient.connect(`${url}/news`)), { status: 401 })
  })

  t.test('is whom a session names: what an onRequest hook put on the request', async (t) => {
    const sessions = new Map([['s1', { id: 7, name: 'bob' }]])
    const app = fastify()
    t.teardown(() => app.close())
    await app.register(channels, { identify: (request) => sessions.get(String(request.headers.cookie)) })
    app.ws('/news', {}, [implementedNews])
    const { url } = await listen(app, {} as never)
    const client = await TestClient.connect(`${url}/news`, [], { headers: { cookie: 's1' } })
    await client.request('join', 'news')
    t.match((await client.request('read', 'news')).payload, { visitor: 'bob' })
    t.match(app.registry.all(), [{ userId: '7', user: { name: 'bob' } }])
    t.match(
      await refused(TestClient.connect(`${url}/news`, [], { headers: { cookie: 's2' } })),
      { status: 401, body: /FST_CHANNELS_UNAUTHENTICATED/ }
    )
  })

  t.test('may be anyone on a public route', async (t) => {
    const { app, sink } = await makeApp(t)
    app.addHook(
      'onRequest',
      async (request) => {
        if (request.headers['x-name']) {
          request.user = {
            sub: '1', name: String(request.headers['x-name'])
          }
        }
      }
    )
    app.ws('/news', { public: true }, [implementedNews])
    const { url } = await listen(app, sink)
    const nobody = await TestClient.connect(`${url}/news`)
    await nobody.request('join', 'news')
    t.match((await nobody.request('read', 'news')).payload, { visitor: 'nobody' })
    t.equal(app.registry.all()[0]?.userId, undefined)
    const known = await TestClient.connect(`${url}/news`, [], { headers: { 'x-name': 'cy' } })
    await known.request('join', 'news')
    t.match((await known.request('read', 'news')).payload, { visitor: 'cy' })
  })

  t.test('needs an id, by the option or as id or sub', async (t) => {
    const { app, sink } = await makeApp(t, {
      identify: (request) => JSON.parse(String(request.headers['x-user'])),
      userId: (user) => (user as unknown as { email: string }).email
    })
    app.ws('/news', {}, [implementedNews])
    const { url } = await listen(app, sink)
    const as = (user: object) => TestClient.connect(`${url}/news`, [], { headers: { 'x-user': JSON.stringify(user) } })
    await as({ email: 'a@example.com' })
    t.equal(app.registry.all()[0]?.userId, 'a@example.com')
    t.match(await refused(as({ id: 1 })), { status: 500, body: /FST_CHANNELS_NO_USER_ID/ })
  })

  t.test('awaits the option userId, which may fail, and takes no number without a value', async (t) => {
    const userIds: Record<string, NonNullable<ChannelsOptions['userId']>> = {
      resolves: async () => 'ann',
      rejects: async () => { throw new Error('the directory is down') },
      nan: () => Number.NaN as never,
      infinite: () => Number.POSITIVE_INFINITY as never
    }
    const answers = Object.entries(userIds).map(async ([name, userId]) => {
      const { app, sink } = await makeApp(t, { userId })
      app.ws('/news', {}, [implementedNews])
      app.ws('/own', { identify: () => ({}) as never }, [implementedNews])
      const { url, token } = await listen(app, sink)
      return ['/news', '/own'].map(async (path) => {
        const connecting = TestClient.connect(url + path, [], bearer(token('x')))
        if (name !== 'resolves') return t.match(await refused(connecting), { status: 500 }, `${name} ${path}`)
        await connecting
        return t.equal(app.registry.all()[0]?.userId, 'ann')
      })
    })
    for (const answer of await Promise.all(answers)) await Promise.all(answer)
  })

  t.test('finds out how it failed when identify throws', async (t) => {
    const { app, sink } = await makeApp(t, { identify: async () => { throw new Error('the session store is down') } })
    app.ws('/news', {}, [implementedNews])
    const { url } = await listen(app, sink)
    t.match(await refused(TestClient.connect(`${url}/news`)), { status: 500 })
  })
})

t.test('origins: only the own host and listed origins connect', async (t) => {
  const from = async (origins: ChannelsOptions['origins'], origin: string) => {
    const { app, sink } = await makeApp(t, origins === undefined ? {} : { origins })
    app.ws('/news', {}, [implementedNews])
    const { url, token } = await listen(app, sink)
    return TestClient.connect(`${url}/news`, [], { origin, ...bearer(token('ann')) })
  }
  t.ok(await from(['https://app.example.com', 'https://b.example.com'], 'https://b.example.com'))
  t.ok(await from('*', 'null'))
  for (const origin of [
    'http://app.example.com', 'https://app.example.com.evil.test', 'https://app.example.com:8443', 'null', 'garbage'
  ]) {
    t.match(await refused(from(['https://app.example.com'], origin)), { status: 403 })
  }
  t.match(await refused(from(undefined, 'garbage')), { status: 403 })
})

t.test('origins: the scheme of the own origin counts, behind a proxy the one that it forwards', async (t) => {
  const { app, sink } = await makeApp(t, {}, { trustProxy: '127.0.0.1' })
  app.ws('/news', { public: true }, [implementedNews])
  const { url } = await listen(app, sink)
  const { host } = new URL(url)
  const from = (origin: string, forwarded: string) =>
    TestClient.connect(`${url}/news`, [], { origin, headers: { 'x-forwarded-proto': forwarded } })
  for (const forwarded of ['https', 'wss']) {
    t.ok(await from(`https://${host}`, forwarded), forwarded)
    t.match(await refused(from(`http://${host}`, forwarded)), { status: 403 }, forwarded)
  }
  t.ok(await from(`http://${host}`, 'http'))
  t.match(await refused(from(`https://${host}`, 'http')), { status: 403 })
  t.match(await refused(from('null', 'other')), { status: 403 }, 'a scheme whose origin is opaque')
})

t.test('origins: the host that a proxy forwards counts only when the proxy is trusted', async (t) => {
  const statuses = async (trustProxy: false | string) => {
    const { app, sink } = await makeApp(t, {}, { trustProxy })
    app.ws('/news', { public: true }, [implementedNews])
    const { url } = await listen(app, sink)
    const from = async (origin: string) => {
      const headers = { 'x-forwarded-host': 'first.example, app.example.com' }
      const connecting = TestClient.connect(`${url}/news`, [], { origin, headers })
      return connecting.then(() => 101, (error: { status: number }) => error.status)
    }
    const origins = [`http://${new URL(url).host}`, 'http://app.example.com', 'http://first.example']
    return Promise.all(origins.map(from))
  }
  t.strictSame(await statuses(false), [101, 403, 403], 'by default: the Host of the request')
  t.strictSame(await statuses('10.0.0.0/8'), [101, 403, 403], 'the request does not come from the proxy')
  t.strictSame(await statuses('127.0.0.1'), [403, 403, 101], 'the proxy is trusted: the host that the browser sent')
})

t.test('tokens: a URL is read alike in an upgrade and in a plain request', async (t) => {
  const { app, sink } = await makeApp(t)
  app.ws('/news', {}, [implementedNews])
  app.get('/raw', { websocket: true }, (socket, { query }) => socket.send(JSON.stringify(query)))
  const { http, url, token } = await listen(app, sink)
  const [ann, bob] = [token('ann'), token('bob')]
  for (const [query, isAdmitted] of [
    [`token=${ann}`, true], [`a=1&%74oken=${ann}`, true], [`a=1;token=${ann}`, true], [`Token=${ann}`, false],
    [`token=${ann}&token=${bob}`, false], [`token=${ann}&token=${ann}`, false], [`token=&token=${ann}`, false],
    [`token=x&%74oken=${ann}`, false], [`token[]=${ann}`, false], ['token=', false], ['', false]
  ] as const) {
    const upgrade = await TestClient.connect(`${url}/news?${query}`).then(() => 101, ({ status }) => status as number)
    const plain = await fetch(`${http}/news?${query}`)
    const name = query.replaceAll(ann, 'ann').replaceAll(bob, 'bob')
    t.strictSame([upgrade, plain.status], isAdmitted ? [101, 426] : [401, 401], name)
  }
  const raw = new WebSocket(`${url}/raw?token=a&token=b`)
  t.equal(String((await once(raw, 'message'))[0]), '{"token":["a","b"]}', "a route of the application's own")
})

t.test('tokens: a token in a URL reaches no log', async (t) => {
  const { app, sink } = await makeApp(t)
  app.ws('/news', {}, [implementedNews])
  const { url, http, token, log } = await listen(app, sink)
  const marker = token('marker')
  const client = await TestClient.connect(`${url}/news?a=1&token=${marker}&b=2`)
  await client.close()
  await refused(TestClient.connect(`${url}/nowhere?token=${marker}`))
  await refused(TestClient.connect(`${url}/news?token=${marker}garbage`))
  await refused(TestClient.connect(`${url}/news?token=%zz`))
  await (await TestClient.connect(`${url}/news?%74oken=${marker}`)).close()
  t.equal((await fetch(`${http}/news?%74oken=${marker}`)).status, 426)
  t.equal((await fetch(`${http}/news?token=${marker}`)).status, 426)
  await sink.logged('connection closed')
  t.ok(log.length > 8)
  t.notMatch(JSON.stringify(log), marker.slice(-20))
  t.match(JSON.stringify(log), 'a=1&token=[redacted]&b=2')
})

t.test('logging: a server without a logger serves as usual', async (t) => {
  const app = fastify()
  t.teardown(() => app.close())
  await app.register(channels, { jwt: { secret } })
  app.ws('/news', {}, [implementedNews])
  const { url, token } = await listen(app, {} as never)
  const client = await TestClient.connect(`${url}/news?token=${token('ann')}`)
  t.match(await client.request('nonsense', 'news'), { type: 'error' })
})

t.test('handshakes: invalid ones are refused before the upgrade', async (t) => {
  const { app, sink } = await makeApp(t)
  app.ws('/news', {}, [implementedNews])
  const { http, token } = await listen(app, sink)
  const { request } = await import('node:http')
  const key = 'dGhlIHNhbXBsZSBub25jZQ=='
  const answer = (headers: Record<string, string>) => new Promise<{
    status?: number | undefined
    version: unknown
  }>((resolve, reject) => {
    request(`${http}/news`, {
      agent: false,
      headers: { ...bearer(token('ann')).headers, connection: 'upgrade', upgrade: 'websocket', ...headers }
    }, (response) => {
      response.resume()
      resolve({ status: response.statusCode, version: response.headers['sec-websocket-version'] })
    }).on('error', reject).on('upgrade', (response, socket) => {
      socket.destroy()
      resolve({ status: response.statusCode, version: undefined })
    }).end()
  })
  t.match(await answer({ 'sec-websocket-version': '13', 'sec-websocket-key': key }), { status: 101 })
  const list = 'websocket, h2c'
  t.match(await answer({ 'sec-websocket-version': '13', 'sec-websocket-key': key, upgrade: list }), { status: 400 })
  t.match(await answer({ 'sec-websocket-version': '13', 'sec-websocket-key': 'short' }), { status: 400 })
  t.match(await answer({ 'sec-websocket-version': '13' }), { status: 400 })
  t.strictSame(
    await answer({ 'sec-websocket-version': '12', 'sec-websocket-key': key }), { status: 426, version: '13' }
  )
  t.strictSame(await answer({ 'sec-websocket-key': key }), { status: 426, version: '13' })
})

t.test('nodes: two nodes on one hub share their rooms', async (t) => {
  const hub = new MemoryHub()
  const [a, b] = await Promise.all([
    serveLab(t, { adapter: new MemoryAdapter(hub) }), serveLab(t, { adapter: new MemoryAdapter(hub) })
  ])
  const [ann, bob] = [await a.connect('ann'), await b.connect('bob')]
  await ann.request('join', 'lab/x')
  t.match(await bob.request('join', 'lab/x'), { payload: { presence: [{ user: 'id-of-ann' }, { user: 'id-of-bob' }] } })
  t.match(await ann.next('presence'), { payload: { joined: [{ user: 'id-of-bob' }] } })
  await ann.request('note', 'lab/x', { text: 'across' })
  t.match(await bob.next('noted'), { payload: { text: 'across' } })
})

t.test('closing the server', async (t) => {
  t.test('is told to clients, and refuses new ones', async (t) => {
    const { app, url, connect, token } = await serveLab(t)
    const client = await connect('ann')
    // Answers no close, so that the server has to wait for it.
    client.webSocket.pause()
    const closing = app.close()
    await new Promise((resolve) => setImmediate(resolve))
    t.match(await refused(TestClient.connect(`${url}/lab`, [], bearer(token('bob')))), { status: 503 })
    client.webSocket.resume()
    t.match(await client.closed, { code: 1012 })
    await closing
  })

  t.test('does not wait for the dead longer than the close timeout', async (t) => {
    const { app, connect } = await serveLab(t, { closeTimeout: 50 })
    const client = await connect('ann')
    client.webSocket.pause()
    await app.close()
    t.equal(app.registry.size, 0)
    client.webSocket.resume()
    await client.closed
  })

  t.test('reaches a connection that was on its way', async (t) => {
    let letIn = () => {}
    const gate = new Promise<void>((resolve) => { letIn = resolve })
    const { app, sink } = await makeApp(t, { identify: async () => { await gate; return { id: 1 } } })
    app.ws('/news', {}, [implementedNews])
    const { url } = await listen(app, sink)
    const late = TestClient.connect(`${url}/news`)
    await sink.logged('incoming request')
    const closing = app.close()
    await new Promise((resolve) => setImmediate(resolve))
    letIn()
    t.match(await refused(late), { message: /socket hang up|503/ })
    await closing
  })
})
