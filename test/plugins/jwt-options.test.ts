import fastifyCookie from '@fastify/cookie'
import fastifyJwt, { type JWT } from '@fastify/jwt'
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import t, { type Test } from 'tap'
import { FakeClock } from '../../lib/testing/fake-clock.ts'
import { TestClient } from '../../lib/testing/test-client.ts'
import { channels } from '../../plugins/channels.ts'
import { inSeconds, jwtRows, type JwtRow } from '../support/jwt-rows.ts'
import { implementOwn } from '../support/lab.ts'
import { bearer, listen, LogSink, makeApp, secret } from '../support/serve.ts'

const day = 86_400_000
const ann = { sub: 'ann', name: 'Ann' }

/** A server with a route for each row, in a context with the @fastify/jwt of that row. */
async function serveRows (t: Test, rows: readonly JwtRow[]) {
  const sink = new LogSink()
  const clock = new FakeClock(Date.now())
  const app = fastify({ trustProxy: true, logger: { level: 'info', stream: sink } })
  t.teardown(() => app.close())
  await app.register(fastifyCookie, { secret: 'a secret of cookies' })
  await app.register(channels, { clock, limits: false, heartbeat: { interval: 3 * day, timeout: 2 * day } })
  const contexts: FastifyInstance[] = []
  for (const [i, { jwt, route }] of rows.entries()) {
    await app.register(async (context) => {
      await context.register(fastifyJwt, { secret, ...jwt })
      context.ws(`/${i}`, route === undefined ? {} : { jwt: route }, [implementOwn()])
      contexts.push(context)
    })
  }
  return { ...await listen(app, sink), clock, contexts }
}

type ServedRows = Awaited<ReturnType<typeof serveRows>>

/** Signs the tokens of a row, and sends them as its requests do. */
function clientOf ({ app, url, contexts }: ServedRows, i: number, { jwt, sign, claims, headers, query }: JwtRow) {
  const context = contexts[i] as FastifyInstance
  const instance = (jwt.namespace === undefined ? context.jwt : (context.jwt as never)[jwt.namespace]) as JWT
  const usual = { sub: 'ann', jti: 'j1', exp: inSeconds(600), ...claims }
  const path = (token: string) => `/${i}${query?.(token) ?? ''}`
  const headersOf = (token: string) => ({
    // At most ten refusals of an address a minute are logged.
    'x-forwarded-for': `10.0.0.${i}`,
    ...headers?.(jwt.cookie?.signed ? app.signCookie(token) : token) ?? { authorization: `Bearer ${token}` }
  })
  return {
    sign: (others: object, otherwise = sign) =>
      instance.sign(JSON.parse(JSON.stringify({ ...usual, ...others })), otherwise),
    connect: (token: string) => TestClient.connect(url + path(token), [], { headers: headersOf(token) }),
    plain: async (token: string) => (await app.inject({ url: path(token), headers: headersOf(token) })).statusCode
  }
}

t.test('jwt: with every option the upgrade, a plain request and refresh accept the same tokens', async (t) => {
  for (const rows of jwtRows) {
    const served = await serveRows(t, rows.map(([, row]) => row))
    const open: OpenRow[] = []
    for (const [i, [name, row]] of rows.entries()) {
      await t.test(name, async (t) => { open.push(await acceptsAndRefuses(t, served, i, row)) })
    }
    await t.test('the connections end with their tokens', (t) => endWithTokens(t, served, open))
  }
})

interface OpenRow { readonly lasts: number | false, readonly clients: readonly TestClient[] }

async function acceptsAndRefuses (t: Test, served: ServedRows, i: number, row: JwtRow): Promise<OpenRow> {
  const { app, log } = served
  const { sign, connect, plain } = clientOf(served, i, row)
  const token = sign({})
  t.equal(await plain(token), 426)
  const connected = await connect(token)
  const refreshed = await connect(sign({ jti: 'j0' }))
  for (const [claims, reason, otherwise] of row.refused) {
    const bad = typeof claims === 'string' ? claims : sign(claims, otherwise)
    const from = log.length
    t.equal(await plain(bad), 401)
    await t.rejects(connect(bad), /answered 401/)
    t.match((await refreshed.request('refresh', undefined, { token: bad })).payload, { code: 'invalid_token' })
    const lines = log.slice(from)
    const told = lines.filter((line) => reason.test(String(line.reason ?? line.msg)))
    t.strictSame(told.map(({ level }) => level), [30, 30, 30], `${reason} is logged once for each`)
    t.notMatch(JSON.stringify(lines), bad, 'the token is not')
  }
  t.match(await refreshed.request('refresh', undefined, { token }), { type: 'ack' })
  const { lasts = 600, user } = row
  const expected = { userId: 'ann', ...user !== undefined && { user } }
  const clients = [connected, refreshed]
  for (const client of clients) t.match(app.registry.get((await client.welcome).connectionId), expected)
  return { lasts, clients }
}

async function endWithTokens (t: Test, { app, clock }: ServedRows, open: readonly OpenRow[]): Promise<void> {
  const clientsOf = (lasts: number | false) =>
    open.filter((row) => row.lasts === lasts).flatMap(({ clients }) => clients)
  const last = async (lasts: number | false) => {
    for (const client of clientsOf(lasts)) t.match(await client.request('ping'), { type: 'ack' }, `${lasts}: it lasts`)
  }
  const end = async (lasts: number | false) => {
    for (const client of clientsOf(lasts)) t.match(await client.closed, { code: 3000 }, `${lasts}: it ends`)
  }
  const limited = new Set(open.map(({ lasts }) => lasts).filter((lasts) => lasts !== false))
  for (const lasts of [...limited].sort((a, b) => a - b)) {
    clock.advance(inSeconds(lasts) * 1_000 - clock.now() - 1)
    await last(lasts)
    clock.advance(1_001)
    await end(lasts)
  }
  clock.advance(day)
  await last(false)
  await app.registry.revoke({ jti: 'j1' }, clock.now() + day)
  await end(false)
}

t.test('jwt: extractToken is called once, so a ticket for one use is a way to send a token', async (t) => {
  const tickets = new Map<string, string>()
  const take = (ticket: string) => {
    const token = tickets.get(ticket)
    tickets.delete(ticket)
    return token
  }
  const { app, sink } = await makeApp(t, {
    jwt: { secret, verify: { extractToken: ({ query }) => take((query as { ticket: string }).ticket) as string } }
  })
  app.ws('/ws', [implementOwn()])
  const { url, token } = await listen(app, sink)
  tickets.set('t1', token('ann'))
  const client = await TestClient.connect(`${url}/ws?ticket=t1`)
  t.match(app.registry.all(), [{ userId: 'id-of-ann' }])
  t.match(await client.request('refresh', undefined, { token: token('ann') }), { type: 'ack' })
  await t.rejects(TestClient.connect(`${url}/ws?ticket=t1`), /answered 401/)
})

t.test('jwt: each route has its own namespace, and the option of the plugin may have one', async (t) => {
  const { app, sink } = await makeApp(t, {
    jwt: { secret, namespace: 'app', jwtVerify: 'verifyApp' }, identify: () => undefined
  })
  await app.register(fastifyJwt, { secret: 'of the admins', namespace: 'admin' })
  const other = await makeApp(t, {
    jwt: { secret, namespace: 'app', jwtVerify: 'verifyApp' }, userId: ({ sub }) => `user ${sub}`
  })
  app.ws('/admin', { jwt: 'admin' }, [implementOwn()])
  app.ws('/app', { jwt: 'app' }, [implementOwn()])
  app.ws('/app/too', { jwt: { namespace: 'app', jwtVerify: 'verifyApp' } }, [implementOwn()])
  app.ws('/identify', [implementOwn()])
  other.app.ws('/ws', [implementOwn()])
  const { url } = await listen(app, sink)
  const elsewhere = await listen(other.app, other.sink)
  const jwt = app.jwt as unknown as Record<'app' | 'admin', JWT>
  const [user, admin] = [jwt.app.sign(ann), jwt.admin.sign(ann)]
  const status = (path: string, token: string) =>
    TestClient.connect(path, [], bearer(token)).then(() => 101, (error: { status: number }) => error.status)
  t.equal(await status(`${url}/admin`, admin), 101)
  t.equal(await status(`${url}/admin`, user), 401)
  t.equal(await status(`${url}/app`, user), 101)
  t.equal(await status(`${url}/app`, admin), 401)
  t.equal(await status(`${url}/app/too`, user), 101)
  t.equal(await status(`${url}/identify`, user), 401, "the plugin's identify is for routes without a namespace")
  t.equal(await status(`${elsewhere.url}/ws`, user), 101, 'the namespace of the option is that of every route')
  t.match(other.app.registry.all(), [{ userId: 'user ann' }])
})

t.test('jwt: on a public route the user is whom a hook found, under whichever decoratorName', async (t) => {
  for (const decoratorName of ['user', 'identity']) {
    const { app, sink } = await makeApp(t, { jwt: { secret, decoratorName } })
    app.ws('/ws', { public: true, onRequest: async (request) => { await request.jwtVerify() } }, [implementOwn()])
    const { url, token } = await listen(app, sink)
    await TestClient.connect(`${url}/ws`, [], bearer(token('ann')))
    t.match(app.registry.all(), [{ userId: 'id-of-ann', user: { name: 'ann' } }], decoratorName)
  }
})

t.test('jwt: the newer token is verified with the request of the upgrade, which stays as it is', async (t) => {
  const seen: unknown[] = []
  const { app, sink } = await makeApp(t, {
    jwt: {
      secret,
      trusted: ({ ip, headers, params, url, tenant, server }: FastifyRequest & { tenant?: string }) => {
        seen.push([ip, headers['x-device'], headers.authorization, params, url, tenant, server === app])
        return true
      }
    }
  })
  app.decorateRequest('tenant', '')
  const onRequest = async (request: FastifyRequest) => { Object.assign(request, { tenant: 't1' }) }
  app.ws('/ws/:place', { onRequest }, [implementOwn()])
  const { url, token } = await listen(app, sink)
  const [first, second] = [token('ann'), token('ann', { newer: true })]
  const headers = { authorization: `Bearer ${first}`, 'x-device': 'd1' }
  const client = await TestClient.connect(`${url}/ws/here`, [], { headers })
  t.equal((await client.request('refresh', undefined, { token: second })).type, 'ack')
  const facts = (of: string) => ['127.0.0.1', 'd1', `Bearer ${of}`, { place: 'here' }, '/ws/here', 't1', true]
  t.match(seen, [facts(first), facts(second)])
})

t.test('jwt: with verify.cache a token that comes again is still checked for trust and revocations', async (t) => {
  let isTrusted = true
  const { app, sink } = await makeApp(t, { jwt: { secret, trusted: () => isTrusted, verify: { cache: true } } })
  app.ws('/ws', [implementOwn()])
  const { url, token } = await listen(app, sink)
  const one = token('ann', { jti: 'one' })
  const status = () =>
    TestClient.connect(`${url}/ws`, [], bearer(one)).then(() => 101, (error: { status: number }) => error.status)
  t.equal(await status(), 101)
  t.equal(await status(), 101)
  isTrusted = false
  t.equal(await status(), 401)
  isTrusted = true
  await app.registry.revoke({ jti: 'one' }, Date.now() + 60_000)
  t.equal(await status(), 401)
})

t.test('jwt: a failure of the key store during a refresh is the server\'s, and the token stays', async (t) => {
  let isDown = false
  const key = async () => {
    if (isDown) throw new Error('the key store is down')
    return secret
  }
  const { app, sink } = await makeApp(t, { jwt: { secret: key, verify: { algorithms: ['HS256'] } } })
  app.ws('/ws', [implementOwn()])
  const { url, log } = await listen(app, sink)
  const token = app.jwt.sign(ann, { key: secret })
  const client = await TestClient.connect(`${url}/ws`, [], bearer(token))
  isDown = true
  t.match((await client.request('refresh', undefined, { token })).payload, { code: 'internal' })
  t.match(log.find(({ level }) => level === 50), { type: 'refresh', err: { message: 'the key store is down' } })
  isDown = false
  t.match(await client.request('refresh', undefined, { token }), { type: 'ack' })
})

t.test('jwt: why a request or a token is refused is logged, without the token', async (t) => {
  const { app, sink } = await makeApp(t, { jwt: { secret, trusted: refuseByName } })
  app.ws('/ws', [implementOwn()])
  app.ws('/who', { identify: () => undefined }, [implementOwn()])
  const { url, http, token, log } = await listen(app, sink)
  const client = await TestClient.connect(`${url}/ws`, [], bearer(token('ann')))
  await app.registry.revoke({ jti: 'stolen' }, Date.now() + day)
  const reasons: Array<readonly [path: string, authorization: string, reason: string]> = [
    ['/ws', 'Basic x', 'No Authorization was found in request.headers'],
    ['/ws', 'Bearer64 ?', 'the token is not encoded as base64url of UTF-8'],
    ['/ws', `Bearer ${token('ann', { jti: 'stolen' })}`, 'the user or the token was revoked'],
    ['/ws', `Bearer ${token('ann', { jti: {} })}`, "the claim 'jti' is neither a text nor a number"],
    ['/ws', `Bearer ${token('ann', { sub: '' })}`, 'the id of the user is empty or not well-formed'],
    ['/ws', `Bearer ${token('ann', { jti: '' })}`, 'the id of the token is empty or not well-formed'],
    ['/ws', `Bearer ${token('eve')}`, 'no trust in [token]'],
    ['/who', '', "'identify' found no user"]
  ]
  for (const [path, authorization, reason] of reasons) {
    const from = log.length
    t.equal((await fetch(http + path, { headers: { authorization } })).status, 401)
    t.match(log.slice(from).filter(({ msg }) => msg === 'authentication failed'), [{ level: 30, reason }], reason)
    t.notOk(log.slice(from).some((line) => 'err' in line), 'it is told once')
  }
  await client.request('refresh', undefined, { token: token('bob') })
  t.match(await sink.logged('a message was refused'), { level: 30, reason: 'the token belongs to another user' })
  for (let i = 0; i < 5; i++) await fetch(`${http}/ws`)
  t.equal(log.filter(({ msg }) => msg === 'authentication failed').length, 10, 'at most ten a minute for an address')
})

/** An application that writes tokens into its errors. */
async function refuseByName ({ headers }: FastifyRequest, { name }: { name?: string }): Promise<boolean> {
  const token = headers.authorization?.slice('Bearer '.length)
  if (name === 'eve') throw Object.assign(new Error(`no trust in ${token}`), { code: 'FST_JWT_OURS' })
  return true
}
