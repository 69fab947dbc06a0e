import { generateKeyPairSync } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { Type } from '@sinclair/typebox'
import fastify from 'fastify'
import t from 'tap'
import { MemoryAdapter } from '../../lib/memory/memory-adapter.ts'
import { defineChannel } from '../../lib/contract/define-channel.ts'
import { implement } from '../../lib/server/implement.ts'
import { FakeClock } from '../../lib/testing/fake-clock.ts'
import { TestClient } from '../../lib/testing/test-client.ts'
import { channels, type ChannelsOptions } from '../../plugins/channels.ts'
import { adapterWith } from '../support/adapter-with.ts'
import { implementOwn } from '../support/lab.ts'
import { bearer, listen, makeApp } from '../support/serve.ts'

const club = defineChannel({
  pattern: 'club/:name',
  params: Type.Object({ name: Type.String() }),
  fromClient: { hello: {} },
  fromServer: {}
})

/** Rooms by what the token, and then what the test says. */
async function serveClub (t: Parameters<typeof makeApp>[0], options: ChannelsOptions = {}) {
  const banned = new Set<string>()
  const { app, sink } = await makeApp(t, options)
  let gate = Promise.resolve()
  app.ws('/club', {}, [implement(club, {
    authorize: async (ctx) => {
      await gate
      if (banned.has('broken')) throw new Error('nobody can say')
      const { clubs } = ctx.user as unknown as { clubs: string[] }
      return clubs.includes(ctx.params.name) && !banned.has(ctx.params.name)
    },
    on: { hello: () => {} }
  })])
  const served = await listen(app, sink)
  const connect = (name: string, claims: object = {}) =>
    TestClient.connect(`${served.url}/club`, [], bearer(served.token(name, { clubs: ['jazz', 'chess'], ...claims })))
  return { ...served, banned, connect, hold: (until: Promise<void>) => { gate = until } }
}

const seconds = (ms: number) => Math.floor(ms / 1000)
const refused = (attempt: Promise<unknown>) =>
  attempt.then(() => ({ status: 101, body: '' }), (error: { status: number, body: string }) => error)

t.test('a token that expires ends its connection with 3000', async (t) => {
  const clock = new FakeClock(Date.now())
  const { connect } = await serveClub(t, { clock })
  const [short, long] = [
    await connect('ann', { exp: seconds(clock.now()) + 5 }), await connect('bob', { exp: seconds(clock.now()) + 60 })
  ]
  clock.advance(6_000)
  t.strictSame(await short.closed, { code: 3000, reason: 'the token expired' })
  t.match(await long.request('ping'), { type: 'ack' })
})

t.test('refresh', async (t) => {
  const clock = new FakeClock(Date.now())
  const { connect, token, app } = await serveClub(t, { clock })
  const client = await connect('ann', { exp: seconds(clock.now()) + 5 })
  await client.request('join', 'club/jazz')
  await client.request('join', 'club/chess')

  t.test('with a newer token of the same user extends the connection, in the channels that it allows', async (t) => {
    const newer = token('ann', { clubs: ['chess'], exp: seconds(clock.now()) + 60 })
    t.match(await client.request('refresh', undefined, { token: newer }), { type: 'ack' })
    t.strictSame(await client.next('left'), { type: 'left', channel: 'club/jazz', payload: { code: 'forbidden' } })
    t.strictSame([...app.registry.all()[0]?.channels ?? []], ['club/chess'])
    clock.advance(6_000)
    t.match(await client.request('hello', 'club/chess'), { type: 'ack' })
    t.match((await client.request('join', 'club/jazz')).payload, { code: 'forbidden' })
  })

  t.test('with another token changes nothing', async (t) => {
    for (const other of [token('bob', { clubs: [] }), 'garbage', `${token('ann')}x`]) {
      t.match((await client.request('refresh', undefined, { token: other })).payload, { code: 'invalid_token' })
    }
    for (const payload of [undefined, {}, { token: 1 }, 'x']) {
      t.match(
        (await client.request('refresh', undefined, payload)).payload,
        { code: 'invalid_payload', details: { path: '/token' } }
      )
    }
    await app.registry.revoke({ jti: 'stolen' }, clock.now() + 1000)
    t.match(
      (await client.request('refresh', undefined, { token: token('ann', { jti: 'stolen' }) })).payload,
      { code: 'invalid_token' }
    )
    t.match(await client.request('hello', 'club/chess'), { type: 'ack' })
  })

  t.test('with a token whose subject is empty or not well-formed changes nothing', async (t) => {
    for (const sub of ['', '\ud800']) {
      const { payload } = await client.request('refresh', undefined, { token: app.jwt.sign({ sub, name: 'ann' }) })
      t.match(payload, { code: 'invalid_token' })
    }
  })

  t.test('is unknown where a route knows no tokens', async (t) => {
    const { connect } = await serveClub(t, { identify: () => ({ id: 1, clubs: [] }) })
    t.match(
      (await (await connect('ann')).request('refresh', undefined, { token: 'x' })).payload, { code: 'unknown_type' }
    )
  })

  t.test('while a join is under way decides that join too', async (t) => {
    const { connect, token, hold } = await serveClub(t)
    const client = await connect('ann')
    let letGo = () => {}
    hold(new Promise((resolve) => { letGo = resolve }))
    const join = client.request('join', 'club/jazz')
    const refresh = client.request('refresh', undefined, { token: token('ann', { clubs: [] }) })
    await client.request('ping')
    letGo()
    await refresh
    t.match((await join).payload, { code: 'forbidden' })
    t.equal((await client.request('hello', 'club/jazz')).type, 'error')
  })
})

t.test('a join that a newer token forbids while the channel is being reached is forbidden', async (t) => {
  let letGo = () => {}
  const line = new Promise<void>((resolve) => { letGo = resolve })
  let asked = () => {}
  const reached = new Promise<void>((resolve) => { asked = resolve })
  const adapter = new MemoryAdapter()
  const subscribe = adapter.pubsub.subscribe.bind(adapter.pubsub)
  adapterWith({
    pubsub: {
      subscribe: async (channel) => {
        asked()
        await line
        return subscribe(channel)
      }
    }
  }, adapter)
  const { connect, token, app } = await serveClub(t, { adapter })
  const client = await connect('ann')
  const [jazz, chess] = [client.request('join', 'club/jazz'), client.request('join', 'club/chess')]
  await reached
  t.equal((await client.request('refresh', undefined, { token: token('ann', { clubs: ['chess'] }) })).type, 'ack')
  letGo()
  t.match((await jazz).payload, { code: 'forbidden' })
  t.match(await chess, { type: 'ack' }, 'what it still allows is not')
  t.equal(app.rooms.size, 1)
})

t.test('reauthorize takes a user out of what is no longer allowed, and of what nobody can say', async (t) => {
  const { connect, app, banned, logged } = await serveClub(t)
  const client = await connect('ann')
  for (const channel of ['club/jazz', 'club/chess']) await client.request('join', channel)
  await app.rooms.reauthorize('nobody')
  banned.add('jazz')
  await app.rooms.reauthorize('id-of-ann')
  t.match(await client.next('left'), { channel: 'club/jazz', payload: { code: 'forbidden' } })
  banned.add('broken')
  await app.rooms.reauthorize('id-of-ann')
  t.match(await client.next('left'), { channel: 'club/chess', payload: { code: 'forbidden' } })
  t.match(await logged('authorize() failed'), { level: 50 })
})

t.test('a revocation ends connections at once, and refuses new ones until it is over', async (t) => {
  const clock = new FakeClock(Date.now())
  const { connect, app } = await serveClub(t, { clock })
  const [ann, bob] = [await connect('ann'), await connect('bob', { jti: 'b1' })]
  t.match(await app.registry.revoke({ userId: 'id-of-ann' }, clock.now() + 5000), { connections: 1, missing: [] })
  t.strictSame(await ann.closed, { code: 3000, reason: 'the token or session was revoked' })
  t.match(await app.registry.revoke({ jti: 'b1' }, clock.now() + 5000), { connections: 1 })
  t.match(await bob.closed, { code: 3000 })
  t.match(await refused(connect('ann')), { status: 401 })
  t.match(await refused(connect('bob', { jti: 'b1' })), { status: 401 })
  await connect('bob', { jti: 'b2' })
  clock.advance(5000)
  await connect('ann')
})

t.test('a revocation without an end is refused, and revokes nothing', async (t) => {
  const { app, connect } = await serveClub(t)
  const ann = await connect('ann')
  for (const until of [NaN, Infinity, undefined, '2030-01-01']) {
    const revoking = app.registry.revoke({ userId: 'id-of-ann' }, until as never)
    await t.rejects(revoking, { code: 'FST_CHANNELS_USAGE', message: /the time when it is over/ })
  }
  t.match(await ann.request('ping'), { type: 'ack' })
})

t.test('a revocation reaches a connection on its way past the token check', async (t) => {
  let letIn = () => {}
  const gate = new Promise<void>((resolve) => { letIn = resolve })
  const { app, sink } = await makeApp(t)
  let checked = () => {}
  const waiting = new Promise<void>((resolve) => { checked = resolve })
  app.ws('/club', { preHandler: async () => { checked(); await gate } }, [])
  const { url, token } = await listen(app, sink)
  const late = TestClient.connect(`${url}/club`, [], bearer(token('ann')))
  await waiting
  await app.registry.revoke({ userId: 'id-of-ann' }, Date.now() + 60_000)
  letIn()
  t.match(await (await late).closed, { code: 3000 })
})

t.test('sessionCheck ends a session that is over, and no other', async (t) => {
  const clock = new FakeClock()
  const over = new Set<unknown>()
  const check = async ({ userId }: { userId: string | undefined }) => {
    if (userId === 'id-of-cy') throw new Error('the store is down')
    return !over.has(userId)
  }
  const { connect, logged } = await serveClub(t, { clock, sessionCheck: { interval: 1000, check } })
  const [ann, bob, cy] = [await connect('ann'), await connect('bob'), await connect('cy')]
  clock.advance(1000)
  await turn()
  over.add('id-of-ann')
  clock.advance(1000)
  t.match(await ann.closed, { code: 3000 })
  for (const client of [bob, cy]) t.match(await client.request('ping'), { type: 'ack' })
  t.match(
    await logged("the option 'sessionCheck' failed: the connection stays open"),
    { level: 50, err: { message: 'the store is down' } }
  )
})

t.test('the algorithm is what the configuration says', async (t) => {
  const { publicKey, privateKey } = generateKeyPairSync(
    'rsa',
    {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' }
    }
  )
  const algorithms = async (jwt: ChannelsOptions['jwt']) => {
    const app = fastify()
    t.teardown(() => app.close())
    await app.register(channels, { jwt } as ChannelsOptions)
    return app.jwt.options.verify.algorithms
  }
  t.strictSame(await algorithms({ secret: 'shared' }), ['HS256'])
  t.strictSame(await algorithms({ secret: Buffer.from('shared') }), ['HS256'])
  t.strictSame(await algorithms({ secret: 'shared', sign: { algorithm: 'HS512' } }), ['HS512'])
  t.strictSame(
    await algorithms({ secret: { public: publicKey, private: privateKey }, sign: { algorithm: 'RS256' } }), ['RS256']
  )
  t.strictSame(await algorithms({ secret: { public: publicKey }, verify: { algorithms: ['RS512'] } }), ['RS512'])
  for (const claim of ['aud', 'iss', 'jti', 'nonce', 'sub', 'iat'] as const) {
    const app = fastify()
    t.teardown(() => app.close())
    const option = claim === 'iat' ? 'maxAge' : `allowed${claim[0]?.toUpperCase()}${claim.slice(1)}`
    await app.register(channels, { jwt: { secret: 'shared', verify: { [option]: '1h' } } })
    t.strictSame(app.jwt.options.verify.requiredClaims, [claim], 'what is checked is required')
  }
  for (const secret of [{ public: publicKey }, publicKey, async () => 'x']) {
    await t.rejects(algorithms({ secret }), { code: 'FST_CHANNELS_OPTIONS', message: /'jwt.verify.algorithms'/ })
  }
})

t.test('a user id that is empty or not well-formed is an invalid identity', async (t) => {
  const { app, url } = await serveClub(t)
  for (const sub of ['', '\ud800', 'a\udfff']) {
    const token = app.jwt.sign({ sub, name: 'ann' })
    t.match(await refused(TestClient.connect(`${url}/club`, [], bearer(token))), { status: 401 }, sub)
  }
  const own = await serveClub(t, { identify: () => ({ id: '', clubs: [] }) })
  t.match(await refused(own.connect('ann')), { status: 401 })
})

t.test('an opaque token with any characters reaches identify, whichever way it travels', async (t) => {
  const opaque = [
    'sess_1', 'a/b==', 'a+b c', ' a ', '%41', 'a&b;c=d#e?f', 'é', '😀', '\0\r\n\t', '\ufeffa', '"\\', 'Bearer x',
    'x'.repeat(4_000)
  ]
  const { app, sink } = await makeApp(t, {
    limits: false, identify: ({ headers: { authorization } }) => authorization && { id: hex(authorization) }
  })
  app.ws('/ws', [implementOwn()])
  const { url, http, log } = await listen(app, sink)
  type Way = readonly [query: string, protocols: string[], headers: Record<string, string>]
  const ways: ReadonlyArray<(token: string) => Way> = [
    (token) => ['', [], { authorization: `Bearer64 ${base64url(token)}` }],
    (token) => ['', ['fastify-channels.v1', `bearer64.${base64url(token)}`], {}],
    (token) => [`?token=${encodeURIComponent(token)}`, [], {}],
    (token) => [`?${String(new URLSearchParams({ token }))}`, [], {}]
  ]
  for (const token of opaque) {
    for (const way of ways) {
      const [query, protocols, headers] = way(token)
      const client = await TestClient.connect(`${url}/ws${query}`, protocols, { headers })
      const { connectionId } = await client.welcome
      t.equal(app.registry.get(connectionId)?.userId, hex(`Bearer ${token}`), JSON.stringify(token.slice(0, 20)))
      await client.close()
      // A page cannot offer subprotocols with a plain request.
      const plain = protocols.length === 0 ? await fetch(`${http}/ws${query}`, { headers }) : { status: 426 }
      t.equal(plain.status, 426, 'a plain request')
    }
  }
  t.notOk(log.some((line) => /a%2Fb|a\/b==|YS9iPT0/.test(JSON.stringify(line))), 'none is logged')
})

t.test('a token that is not encoded as its prefix says is invalid', async (t) => {
  const { app, sink } = await makeApp(t)
  app.ws('/ws', [implementOwn()])
  app.ws('/public', { public: true }, [implementOwn()])
  const { url, http, token } = await listen(app, sink)
  const sound = base64url(token('ann'))
  // No text, no byte, padding, other characters, bits beyond the last byte, and bytes that are no UTF-8.
  const broken = ['', 'a', `${sound}=`, `${sound}!`, `a.${sound}`, 'YWF_/w', 'YWJ', 'gICA']
  const offer = (encoded: string) => ['fastify-channels.v1', `bearer64.${encoded}`]
  for (const path of ['/ws', '/public']) {
    for (const encoded of broken) {
      const authorization = `Bearer64 ${encoded}`
      t.equal((await fetch(http + path, { headers: { authorization } })).status, 401, `${path} ${encoded}`)
      if (/[=/]/.test(encoded)) continue
      t.match(await TestClient.connect(url + path, offer(encoded)).catch((error: unknown) => error), { status: 401 })
    }
    t.equal((await TestClient.connect(url + path, offer(sound))).webSocket.protocol, 'fastify-channels.v1')
  }
})

function base64url (text: string): string {
  return Buffer.from(text).toString('base64url')
}

function hex (text: string): string {
  return Buffer.from(text).toString('hex')
}

t.test('a token id that is empty, not well-formed or no text is an invalid identity', async (t) => {
  const { app, url, token, connect } = await serveClub(t)
  const client = await connect('ann')
  for (const jti of ['', '\ud800', 'a\udfff', null, {}, ['a']]) {
    const bad = token('ann', { clubs: [], jti })
    t.match(await refused(TestClient.connect(`${url}/club`, [], bearer(bad))), { status: 401 }, JSON.stringify(jti))
    t.match((await client.request('refresh', undefined, { token: bad })).payload, { code: 'invalid_token' })
  }
  await client.request('refresh', undefined, { token: token('ann', { clubs: [], jti: 7 }) })
  t.match(await app.registry.revoke({ jti: '7' }, Date.now() + 60_000), { connections: 1 }, 'a number is a text')
  t.match(await client.closed, { code: 3000 })
  t.match(await refused(connect('ann', { jti: 7 })), { status: 401 })
})

t.test('a key store that is down is our failure, not the token\'s', async (t) => {
  const secret = async () => { throw new Error('the key store is down') }
  const { app, sink } = await makeApp(t, { jwt: { secret, verify: { algorithms: ['HS256'] } } })
  app.ws('/club', {}, [])
  const { url } = await listen(app, sink)
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const token = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: '1' })}.c2lnbmVk`
  t.match(await refused(TestClient.connect(`${url}/club`, [], bearer(token))), { status: 500 })
})
