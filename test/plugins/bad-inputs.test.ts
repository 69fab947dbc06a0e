import type { FastifyRequest } from 'fastify'
import t, { type Test } from 'tap'
import type { Envelope } from '../../lib/protocol/envelope.ts'
import type { ErrorPayload } from '../../lib/protocol/errors.ts'
import type { TestClient } from '../../lib/testing/test-client.ts'
import {
  audience, claimsOf, issuer, originRows, tokenRows, type OriginRow
} from '../support/hostile/authentication-rows.ts'
import { frameRows, type Outcome } from '../support/hostile/frame-rows.ts'
import { close, frame, opcodes, ping, question, readAck, readClose, readPong } from '../support/hostile/frames.ts'
import { handshakeRows, parserRows, type HttpExpectation, type HttpRow } from '../support/hostile/handshake-rows.ts'
import { handshake, plain, readAnswer, readHead, type Answer, type RequestParts } from '../support/hostile/http.ts'
import { meaningRows, textRows } from '../support/hostile/message-rows.ts'
import type { RawSocket } from '../support/hostile/raw-socket.ts'
import { Target, turnsUntil, type TargetOptions } from '../support/hostile/target.ts'
import { makeKeys, rs256 } from '../support/hostile/tokens.ts'
import { bearer } from '../support/serve.ts'

/** Hostile and broken input over real sockets, row by row: each gets its answer, and leaves nothing behind. */
type Row = (t: Test, target: Target) => Promise<void>

/** Milliseconds, far above what any row takes: one that hangs is named, and the rest still run. */
const patience = 10_000

async function attack (
  t: Test, options: TargetOptions, rows: Iterable<readonly [name: string, row: Row]>
): Promise<void> {
  const target = await Target.start(t, options)
  for (const [name, row] of rows) {
    await t.test(name, async (t) => {
      await inTime(row(t, target))
      await target.prove(t)
    })
  }
  await target.finish(t)
}

async function inTime (outcome: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new Error('the row hangs')), patience
    )
  })
  await Promise.race([outcome, late]).finally(() => clearTimeout(timer))
}

/** Rows of a table, all asked in the same way. */
function each<R extends readonly [name: string, ...rest: unknown[]]> (
  table: readonly R[], ask: (row: R) => Row
): Array<readonly [string, Row]> {
  return table.map((row) => [row[0], ask(row)])
}

// --- Handshakes -----------------------------------------------------------------------------------------------------

function askHttp ([, bytes, expected]: HttpRow): Row {
  return async (t, target) => {
    const raw = await target.open()
    const request = bytes(`Bearer ${target.token('mallory')}`)
    raw.write(request)
    const answer = await raw.until(String(request).startsWith('HEAD') ? readHead : readAnswer)
    t.match(answer, wanted(expected))
    if (answer?.status === 101) await farewell(raw)
    else await ending(t, target, raw, expected)
  }
}

function wanted ({ status, headers = {}, body = /^/ }: HttpExpectation): object {
  return { status, headers, body }
}

async function ending (t: Test, target: Target, raw: RawSocket, { ending }: HttpExpectation): Promise<void> {
  if (ending === 'by us') return raw.destroy()
  if (ending === 'at the deadline') target.clock.advance(5_000)
  await raw.closed
  t.equal(raw.received.toString('latin1').match(/HTTP\/1\.1 /g)?.length, 1, 'answered once')
}

async function farewell (raw: RawSocket): Promise<void> {
  raw.write(close(1000))
  await raw.closed
}

t.test('handshakes: an invalid or foreign one gets its HTTP status', (t) => attack(t, {}, each(handshakeRows, askHttp)))

t.test(
  'handshakes: bytes that are not HTTP are refused by Node, and the socket is freed',
  (t) => attack(t, {}, each(parserRows, askHttp))
)

t.test('a handshake in unusual pieces', (t) => attack(t, {}, [
  ['byte by byte is switched', async (t, target) => {
    const raw = await target.open()
    for (const byte of handshake({
      headers: { authorization: `Bearer ${target.token('slow')}` }
    })) await raw.flush(Buffer.from(byte))
    t.match(await raw.until(readAnswer), { status: 101 })
    await farewell(raw)
  }],
  ['with frames right behind it: they are answered', async (t, target) => {
    const raw = await target.open()
    raw.write(
      Buffer.concat([
        Buffer.from(handshake({ headers: { authorization: `Bearer ${target.token('fast')}` } })),
        frame(question('early'))
      ])
    )
    t.ok(await raw.until(readAck('early')))
    await farewell(raw)
  }],
  ['with a bad frame right behind it: 1002', async (t, target) => {
    const raw = await target.open()
    raw.write(
      Buffer.concat([
        Buffer.from(handshake({ headers: { authorization: `Bearer ${target.token('fast')}` } })), frame('x', { rsv: 4 })
      ])
    )
    t.match(await raw.until(readClose), { code: 1002 })
    await raw.closed
  }],
  ['twice in one segment: the second is a bad frame', async (t, target) => {
    const raw = await target.open()
    raw.write(handshake({ headers: { authorization: `Bearer ${target.token('twice')}` } }).repeat(2))
    t.match(await raw.until(readClose), { code: 1002 })
    await raw.closed
  }],
  ['behind a plain request that is not answered yet is switched after its answer', async (t, target) => {
    const raw = await target.open()
    raw.write(
      plain({ path: '/plain' }) + handshake({ headers: { authorization: `Bearer ${target.token('pipelined')}` } })
    )
    t.match(await raw.until(readAnswer), { status: 200 })
    t.ok(await raw.until((received) => String(received).includes('HTTP/1.1 101') || undefined))
    await farewell(raw)
  }],
  ['behind a plain request that has been answered is switched', async (t, target) => {
    const raw = await target.open()
    raw.write(plain({ path: '/plain' }))
    t.match(await raw.until(readAnswer), { status: 200 })
    raw.write(handshake({ headers: { authorization: `Bearer ${target.token('patient')}` } }))
    t.ok(await raw.until((received) => String(received).includes('HTTP/1.1 101') || undefined))
    await farewell(raw)
  }]
]))

function noBytesRow (bytes: string): Row {
  return async (t, target) => {
    const raw = await target.open()
    raw.write(bytes)
    t.match(await raw.until(readAnswer), { status: 408 })
    await raw.closed
  }
}

t.test('who begins a request and goes silent is answered 408 by Node', (t) => attack(t, {
  tracedByOthers: ['aborted'],
  server: { requestTimeout: 60, http: { headersTimeout: 40, connectionsCheckingInterval: 10 } }
}, [
  ['half a header', noBytesRow('GET /lab HTTP/1.1\r\nHos')],
  ['all headers but the last line', noBytesRow(handshake().slice(0, -2))],
  ['half a request line', noBytesRow('GE')],
  ['not a byte', noBytesRow('')],
  [
    'half a body',
    noBytesRow(
      `${plain({
        method: 'POST', path: '/plain', headers: { 'content-type': 'application/json', 'content-length': '10' }
      })}{"a":`
    )
  ]
]))

// --- Authentication -------------------------------------------------------------------------------------------------

const keys = makeKeys()
const soundToken = (name: string) => rs256(claimsOf(name), keys.privateKey)

const signed: TargetOptions = {
  channels: {
    jwt: {
      secret: { public: keys.publicKey, private: keys.privateKey },
      sign: { algorithm: 'RS256' },
      verify: { allowedAud: audience, allowedIss: issuer }
    }
  },
  credentials: () => bearer(soundToken('valid'))
}

/** One bad token in every place where a token may travel. */
const places: ReadonlyArray<readonly [place: string, parts: (token: string) => RequestParts]> = [
  ['header', (token) => ({ headers: { authorization: `Bearer ${token}` } })],
  ['query', (token) => ({ path: `/lab?token=${token}` })],
  ['subprotocol', (token) => ({ headers: { 'sec-websocket-protocol': `fastify-channels.v1, bearer.${token}` } })]
]

async function refusedAt (
  t: Test, target: Target, status: number, parts: RequestParts, comment: string
): Promise<Answer | undefined> {
  const raw = await target.open()
  raw.write(handshake(parts))
  const answer = await raw.until(readAnswer)
  t.equal(answer?.status, status, comment)
  await (answer?.status === 101 ? farewell(raw) : raw.closed)
  return answer
}

t.test('a token that does not verify is answered 401 wherever it travels', (t) => attack(t, signed, [
  ['a sound token is switched', async (t, target) => {
    for (const [place, parts] of places) {
      const raw = await target.open()
      raw.write(handshake(parts(target.keepSecret(soundToken('ann')))))
      t.equal((await raw.until(readAnswer))?.status, 101, place)
      await farewell(raw)
    }
  }],
  ['no token', async (t, target) => { await refusedAt(t, target, 401, {}, 'nothing') }],
  [
    'another scheme',
    async (t, target) => { await refusedAt(t, target, 401, { headers: { authorization: 'Basic YTpi' } }, 'Basic') }
  ],
  ['a bad header beside a sound query: the first found counts', async (t, target) => {
    await refusedAt(
      t,
      target,
      401,
      { path: `/lab?token=${target.keepSecret(soundToken('ann'))}`, headers: { authorization: 'Bearer garbage' } },
      'both'
    )
  }],
  [
    'bytes in a query that are no UTF-8',
    async (t, target) => { await refusedAt(t, target, 401, { path: '/lab?token=%ff%fe' }, '%ff') }
  ],
  ['a sound token that would set prototypes is a token like any other', async (t, target) => {
    const claims = JSON.stringify(claimsOf('proto')).replace('{', '{"__proto__":{"polluted":true},')
    const raw = await target.open()
    raw.write(handshake({ headers: { authorization: `Bearer ${target.keepSecret(rs256(claims, keys.privateKey))}` } }))
    t.ok([101, 401].includes((await raw.until(readAnswer))?.status as number))
    raw.write(close(1000))
    await raw.closed
  }],
  ...each(tokenRows, ([, make]) => async (t, target) => {
    const token = target.keepSecret(make(keys))
    for (const [place, parts] of places) {
      const answer = await refusedAt(t, target, 401, parts(token), place)
      t.notMatch(answer?.body, /fast-jwt|at .*\.js/, 'says no more than it has to')
    }
  })
]))

function refuseOrigin (good: (target: Target) => URL): (row: OriginRow) => Row {
  return ([, origin]) => async (t, target) => {
    await refusedAt(
      t,
      target,
      403,
      {
        headers: {
          host: `127.0.0.1:${target.port}`, origin: origin(good(target)), authorization: `Bearer ${target.token('ann')}`
        }
      },
      'the Origin'
    )
  }
}

function passOrigin (origin: (target: Target) => string | undefined): Row {
  return async (t, target) => {
    const raw = await target.upgraded('ann', { headers: { host: `127.0.0.1:${target.port}`, origin: origin(target) } })
    t.ok(raw)
    await farewell(raw)
  }
}

t.test('a foreign origin is answered 403 where the own host is the only one', (t) => attack(t, {}, [
  ['the own host passes', passOrigin(({ port }) => `http://127.0.0.1:${port}`)],
  ['no origin passes', passOrigin(() => undefined)],
  ...each(originRows, refuseOrigin(({ port }) => new URL(`http://127.0.0.1:${port}`)))
]))

t.test('a foreign origin is answered 403 where origins are listed', (t) => attack(t, {
  channels: { origins: ['https://good.example'] }
}, [
  ['a listed origin passes', passOrigin(() => 'https://good.example')],
  [
    'the own host does not, unless listed',
    refuseOrigin(({ port }) => new URL(`http://127.0.0.1:${port}`))(['', ({ origin }) => origin])
  ],
  ['the listed host over http', refuseOrigin(() => new URL('http://good.example'))(['', ({ origin }) => origin])],
  [
    'the listed origin with a slash',
    refuseOrigin(() => new URL('https://good.example'))(['', ({ origin }) => `${origin}/`])
  ],
  ...each(originRows, refuseOrigin(() => new URL('https://good.example')))
]))

/** What a backend that is slow has still to answer. */
const late: Array<() => void> = []

/** Hooks of an application, by what the request asks them to do. */
const moods: Readonly<Record<string, (request: FastifyRequest) => Promise<unknown>>> = {
  hang: () => new Promise(() => {}),
  late: () => new Promise((resolve) => { late.push(() => resolve({ sub: 'id-of-ann', name: 'ann' })) }),
  throw: async () => { throw new Error('the database said hunter2-in-a-reply, which the application logs') },
  // Without a trace: that of an error of the application's would be the application's own affair.
  forbid: async () => { throw Object.assign(new Error('not for you'), { statusCode: 403, stack: undefined }) }
}

const moody: TargetOptions = {
  channels: {
    identify: (request) => moods[String(request.headers['x-mood'])]?.(request) ?? { sub: 'id-of-ann', name: 'ann' }
  },
  credentials: () => ({})
}

const inMood = (mood: string) => handshake({ headers: { 'x-mood': mood } })

t.test('authentication that does not answer', (t) => attack(t, moody, [
  ['no permission is answered 403', async (t, target) => {
    await refusedAt(t, target, 403, { headers: { 'x-mood': 'forbid' } }, 'forbidden')
  }],
  ['a backend that hangs is answered 503 at the deadline', async (t, target) => {
    const raw = await begun(target, 'hang')
    target.clock.advance(4_999)
    t.equal(raw.received.length, 0, 'not before')
    target.clock.advance(1)
    t.match(await raw.until(readAnswer), { status: 503, headers: { 'retry-after': /^\d+$/ } })
    await raw.closed
  }],
  ['RST during authentication', async (t, target) => {
    const raw = await begun(target, 'hang')
    await raw.reset()
  }],
  ['FIN during authentication: freed by the deadline', async (t, target) => {
    const raw = await begun(target, 'hang')
    raw.end()
    target.clock.advance(5_000)
    await raw.closed
  }],
  ['RST in the same turn as the handshake', async (t, target) => {
    const raw = await target.open()
    await raw.flush(Buffer.from(inMood('none')))
    await raw.reset()
  }],
  ['FIN right behind the handshake', async (t, target) => {
    const raw = await target.open()
    raw.write(inMood('none'))
    raw.end()
    await raw.closed
  }],
  ['frames during authentication that hangs', async (t, target) => {
    const raw = await begun(target, 'hang')
    for (let i = 0; i < 64; i++) raw.write(frame('x'.repeat(16_384)))
    target.clock.advance(5_000)
    await raw.closed
  }]
]))

/**
 * Resolves once the server has said goodbye to the next upgrade's socket: whatever listens for that later listens in
 * vain.
 */
function nextUpgradeGone ({ app }: Target): Promise<void> {
  return new Promise((resolve) =>
    app.server.once('upgrade', (_request, socket) => socket.once('close', () => setImmediate(resolve))))
}

/** Resolves once the server has the handshake in hand. */
async function begun (target: Target, mood: string): Promise<RawSocket> {
  const asked = new Promise((resolve) => target.app.server.once('upgrade', resolve))
  const raw = await target.open()
  raw.write(inMood(mood))
  await asked
  return raw
}

t.test('a hook that throws is answered 500, which says nothing of why', (t) => attack(t, {
  ...moody, errors: 'traced', prepare: failing
}, [
  ['identify', (t, target) => failsQuietly(t, target, '/lab')],
  ['an onRequest hook', (t, target) => failsQuietly(t, target, '/failing/onRequest')],
  ['a preHandler', (t, target) => failsQuietly(t, target, '/failing/preHandler')],
  ['a preHandler that throws no error', (t, target) => failsQuietly(t, target, '/failing/oddly')],
  ['context', (t, target) => failsQuietly(t, target, '/failing/context')],
  ['userId', (t, target) => failsQuietly(t, target, '/failing/identity')]
]))

async function failsQuietly (t: Test, target: Target, path: string): Promise<void> {
  const answer = await refusedAt(
    t, target, 500, { path, headers: { 'x-mood': path === '/lab' ? 'throw' : 'none' } }, path
  )
  t.notMatch(answer?.body, /hunter2/)
}

function failing (app: Target['app']): void {
  const fail = () => { throw new Error('hunter2-in-a-reply') }
  keepQuietAbout(app)
  app.ws('/failing/onRequest', { onRequest: async () => fail() }, [])
  app.ws('/failing/preHandler', { preHandler: fail }, [])
  // eslint-disable-next-line no-throw-literal
  app.ws('/failing/oddly', { preHandler: async () => { throw 'hunter2' } }, [])
  app.ws('/failing/context', { locals: fail }, [])
  app.ws('/failing/identity', { identify: () => ({ id: { toString: fail } }) }, [])
}

/** Fastify answers with the message of an error unless the application says otherwise, as one in production does. */
function keepQuietAbout (app: Target['app']): void {
  app.setErrorHandler(async (error: { statusCode?: number }, request, reply) => {
    request.log.error('something failed')
    return reply.code(error.statusCode ?? 500).send({ error: 'failed' })
  })
}

t.test('a preHandler of the application\'s refuses with 403', (t) => attack(t, {
  prepare: (app) => app.ws('/members', {
    preHandler: async (request, reply) => {
      if (request.user.name !== 'ann') return reply.code(403).send({ error: 'members only' })
    }
  }, [])
}, [
  ['who has a permission is switched', async (t, target) => {
    const raw = await target.upgraded('ann', { path: '/members' })
    t.ok(raw)
    await farewell(raw)
  }],
  ['who has none is not', async (t, target) => {
    await refusedAt(
      t,
      target,
      403,
      { path: '/members', headers: { authorization: `Bearer ${target.token('mallory')}` } },
      'no permission'
    )
  }]
]))

const undecided = /^\{"statusCode":503,"code":"FST_CHANNELS_UPGRADE_UNDECIDED","error":"Service Unavailable",/

t.test('a server that drains answers 503, and says when to come back', async (t) => {
  const target = await Target.start(t)
  const stubborn = await target.upgraded('stubborn')
  const late = await target.open()
  const closing = target.app.close()
  t.match(await stubborn.until(readClose), { code: 1012 })
  late.write(handshake({ headers: { authorization: `Bearer ${target.token('late')}` } }))
  t.match(await late.until(readAnswer), {
    status: 503,
    headers: { 'retry-after': /^\d+$/, 'cache-control': 'no-store', 'content-type': /json/ },
    body: undecided
  })
  await late.closed
  await farewell(stubborn)
  await closing
})

/** Raw sockets past the switch, one after another. */
async function crowd (target: Target, names: readonly string[], parts: RequestParts = {}): Promise<RawSocket[]> {
  const sockets = []
  for (const name of names) sockets.push(await target.upgraded(name, parts))
  return sockets
}

async function turnedAway (
  t: Test, target: Target, name: string, status: 429 | 503, headers: Record<string, string> = {}
): Promise<void> {
  const answer = await refusedAt(
    t,
    target,
    status,
    { headers: { authorization: `Bearer ${target.token(name)}`, ...headers } },
    `${name} is turned away`
  )
  t.match(answer?.headers, { 'retry-after': /^\d+$/ })
}

async function leaveAll (sockets: readonly RawSocket[]): Promise<void> {
  await Promise.all(sockets.map(farewell))
}

t.test('more connections from one address than allowed are answered 429', (t) => attack(t, {
  channels: { limits: { perIp: 2 } }
}, [
  ['one too many', async (t, target) => {
    const [first, second] = await crowd(target, ['ann', 'bob'])
    await turnedAway(t, target, 'cy', 429)
    await farewell(first as RawSocket)
    t.ok(await turnsUntil(() => target.app.registry.size === 1))
    await leaveAll([second, ...await crowd(target, ['cy'])] as RawSocket[])
  }],
  ['a forged X-Forwarded-For changes nothing', async (t, target) => {
    const sockets = await crowd(target, ['ann', 'bob'])
    for (const header of [
      'x-forwarded-for', 'forwarded', 'x-real-ip', 'x-client-ip'
    ]) await turnedAway(t, target, 'cy', 429, { [header]: '192.0.2.1' })
    await leaveAll(sockets)
  }],
  ['upgrades that are refused give their places back', async (t, target) => {
    for (let i = 0; i < 5; i++) {
      await refusedAt(
        t, target, 401, { headers: { authorization: 'Bearer garbage' } }, 'garbage'
      )
    }
    for (let i = 0; i < 5; i++) await refusedAt(t, target, 400, { headers: { 'sec-websocket-key': 'short' } }, 'no key')
  }],
  ['upgrades that are reset give their places back', async (t, target) => {
    for (let i = 0; i < 5; i++) {
      const raw = await target.open()
      await raw.flush(Buffer.from(handshake({ headers: { authorization: `Bearer ${target.token('ann')}` } })))
      await raw.reset()
    }
  }]
]))

t.test('behind a trusted proxy X-Forwarded-For says whose address counts', (t) => attack(t, {
  channels: { limits: { perIp: 2 } }, server: { trustProxy: true }
}, [
  ['one too many from one address', async (t, target) => {
    const sockets = await crowd(target, ['ann', 'bob'], { headers: { 'x-forwarded-for': '192.0.2.1' } })
    await turnedAway(t, target, 'cy', 429, { 'x-forwarded-for': '192.0.2.1' })
    await leaveAll([...sockets, ...await crowd(target, ['cy'], { headers: { 'x-forwarded-for': '192.0.2.2' } })])
  }],
  ['the name of an object\'s property for an address', async (_t, target) => {
    await leaveAll(await crowd(target, ['ann'], { headers: { 'x-forwarded-for': '__proto__' } }))
  }]
]))

t.test('more connections of one user than allowed are answered 429', (t) => attack(t, {
  channels: { limits: { perUser: 2 } }
}, [
  ['one too many', async (t, target) => {
    const sockets = await crowd(target, ['ann', 'ann'])
    await turnedAway(t, target, 'ann', 429)
    await leaveAll([...sockets, ...await crowd(target, ['bob'])])
  }]
]))

t.test('more connections than the server holds are answered 503', (t) => attack(t, {
  errors: 'plain', channels: { limits: { connections: 2 } }
}, [
  ['one too many', async (t, target) => {
    const sockets = await crowd(target, ['ann', 'bob'])
    await turnedAway(t, target, 'cy', 503)
    await leaveAll(sockets)
  }]
]))

t.test('connections that are lost during authentication give their places back', (t) => attack(t, {
  ...moody, errors: 'plain', channels: { ...moody.channels, limits: { connections: 3, perIp: 3, perUser: 1 } }
}, [
  ['upgrades under way count', async (t, target) => {
    const sockets = [await begun(target, 'hang'), await begun(target, 'hang'), await begun(target, 'hang')]
    const answer = await refusedAt(t, target, 503, { headers: { 'x-mood': 'none' } }, 'a fourth')
    t.match(answer?.headers, { 'retry-after': /^\d+$/ })
    target.clock.advance(5_000)
    for (const raw of sockets) await raw.closed
  }],
  ['RST before the backend answers', async (t, target) => {
    for (let i = 0; i < 3; i++) {
      const gone = nextUpgradeGone(target)
      const raw = await begun(target, 'late')
      await raw.reset()
      await gone
      late.splice(0).forEach((answer) => answer())
    }
    t.equal(late.length, 0)
  }]
]))

t.test('what is revoked is answered 401', (t) => attack(t, {}, [
  ['a user: connections are closed with 3000, new ones refused until then', async (t, target) => {
    const client = await target.connect('ann')
    t.equal((await target.app.registry.revoke({ userId: 'id-of-ann' }, target.clock.now() + 1_000)).connections, 1)
    t.match(await client.closed, { code: 3000 })
    await refusedAt(t, target, 401, { headers: { authorization: `Bearer ${target.token('ann')}` } }, 'revoked')
    target.clock.advance(1_000)
    await leaveAll(await crowd(target, ['ann']))
  }],
  ['a token by its id: the user\'s others stay good', async (t, target) => {
    const stolen = target.token('ann', { jti: 'stolen' })
    const [thief, owner] = [await target.try(bearer(stolen)), await target.connect('ann')]
    t.equal((await target.app.registry.revoke({ jti: 'stolen' }, target.clock.now() + 60_000)).connections, 1)
    t.match(await (thief as TestClient).closed, { code: 3000 })
    await refusedAt(t, target, 401, { headers: { authorization: `Bearer ${stolen}` } }, 'revoked')
    await stillServed(t, owner)
  }],
  ['a token that was good when its connection began, and has expired', async (t, target) => {
    const client = await target.try(
      bearer(target.token('ann', { exp: Math.floor(target.clock.now() / 1000) + 5 }))
    ) as TestClient
    target.clock.advance(6_000)
    t.match(await client.closed, { code: 3000 })
  }],
  ['a user by the name of nobody: who has no identity stays', async (t, target) => {
    const client = await target.try({}, '/open/a') as TestClient
    t.equal((await target.app.registry.revoke({ userId: 'undefined' }, target.clock.now() + 1_000)).connections, 0)
    t.equal((await target.app.registry.revoke({ jti: 'undefined' }, target.clock.now() + 1_000)).connections, 0)
    t.match(await client.close(), { code: 1000 })
    target.clock.advance(1_000)
  }],
  ['a refresh with what is no token, or somebody else\'s, or revoked', async (t, target) => {
    await target.app.registry.revoke({ jti: 'stolen' }, target.clock.now() + 60_000)
    const client = await target.connect('ann')
    for (const token of ['garbage', '', '..', target.token('bob'), target.token('ann', { jti: 'stolen' })]) {
      t.match(
        await client.request('refresh', undefined, { token }), { type: 'error', payload: { code: 'invalid_token' } }
      )
    }
    await stillServed(t, client)
    // A connection may send 10 tokens a minute.
    const other = await target.connect('ann')
    for (const payload of [undefined, null, {}, { token: 1 }, 'token', []]) {
      t.match(
        await other.request('refresh', undefined, payload), { type: 'error', payload: { code: 'invalid_payload' } }
      )
    }
    await stillServed(t, other)
  }]
]))

// --- Frames ---------------------------------------------------------------------------------------------------------

t.test('frames: those that break RFC 6455 close with their code, valid ones get a reply', (t) =>
  attack(t, {}, each(frameRows, ([, bytes, outcome]) => async (t, target) => {
    const raw = await target.upgraded('mallory')
    raw.write(bytes)
    await judge(t, raw, outcome)
  })))

async function judge (
  t: Test, raw: RawSocket, { acks, pongs, closes = 1000, reason, unanswered }: Outcome
): Promise<void> {
  if (acks !== undefined) t.ok(await raw.until(readAck(acks)), 'acked')
  if (pongs !== undefined) t.ok(await raw.until(readPong(pongs)), 'ponged')
  if (acks !== undefined || pongs !== undefined) raw.write(close(1000))
  const closing = await raw.until(readClose)
  t.match(closing, { code: closes, ...(reason !== undefined && { reason }) })
  t.ok(Buffer.byteLength(closing?.reason ?? '') <= 123)
  raw.write(close(closes === 1005 ? undefined : closes))
  await raw.closed
  if (unanswered !== undefined) t.notOk(readAck(unanswered)(raw.received), 'not answered')
}

t.test('peers that do not play along', (t) => attack(t, { channels: { closeTimeout: 50 } }, [
  ['half a frame and then silence: ended by the heartbeat', async (t, target) => {
    const raw = await target.upgraded('silent')
    raw.write(frame(question('q')).subarray(0, 9))
    await heartbeats(target, () => target.app.registry.size === 0)
    await raw.closed
    t.equal(readClose(raw.received), undefined, 'without a word')
  }],
  ['a declared length, and a byte now and then: any byte is no life, a frame is', async (t, target) => {
    const raw = await target.upgraded('dripping')
    raw.write(frame('', { declared: 65_536 }))
    await heartbeats(target, () => { raw.write('x'); return target.app.registry.size === 0 })
    await raw.closed
  }],
  ['silence altogether: ended by the heartbeat', async (t, target) => {
    const raw = await target.upgraded('silent')
    await heartbeats(target, () => target.app.registry.size === 0)
    await raw.closed
  }],
  ['a close of ours that is never answered: ended after the close timeout', async (t, target) => {
    const raw = await target.upgraded('stubborn')
    raw.write(frame('', { opcode: opcodes.binary }))
    t.match(await raw.until(readClose), { code: 1003 })
    await raw.closed
  }],
  ['a close of ours answered by a flood', async (t, target) => {
    const raw = await target.upgraded('flood')
    raw.write(frame('', { opcode: opcodes.binary }))
    t.match(await raw.until(readClose), { code: 1003 })
    while (!raw.isOver) await raw.flush(Buffer.concat(Array.from({ length: 1_000 }, () => frame(question('late')))))
    t.notOk(readAck('late')(raw.received))
  }],
  ['FIN without a close', async (t, target) => {
    const raw = await target.upgraded('gone')
    raw.end()
    await raw.closed
  }],
  ['FIN in the middle of a frame', async (t, target) => {
    const raw = await target.upgraded('gone')
    raw.write(frame(question('q')).subarray(0, 9))
    raw.end()
    await raw.closed
  }],
  ['FIN in the middle of a message', async (t, target) => {
    const raw = await target.upgraded('gone')
    raw.write(frame('{', { fin: false }))
    raw.end()
    await raw.closed
  }],
  ['RST with a handler under way', async (t, target) => {
    const raw = await target.upgraded('reset')
    raw.write(Buffer.concat([
      frame(JSON.stringify({ type: 'join', channel: 'lab/reset' })),
      frame(JSON.stringify({ type: 'wait', channel: 'lab/reset', payload: { for: 'reset' }, correlationId: 'w' }))
    ]))
    await target.journal.seen('waiting reset')
    await raw.reset()
    target.journal.door('reset').resolve()
    await target.journal.seen('left reset disconnected')
  }],
  ['RST with a join under way', async (t, target) => {
    const raw = await target.upgraded('reset')
    raw.write(frame(JSON.stringify({ type: 'join', channel: 'lab/slow1' })))
    raw.write(frame(question('q')))
    await raw.until(readAck('q'))
    await raw.reset()
    t.ok(await turnsUntil(() => target.app.registry.size === 0))
    target.journal.door('slow1').resolve()
  }],
  ['a ping flood by somebody who never reads: ended, memory bounded', async (t, target) => {
    await flood(t, target, ping('x'.repeat(125)))
  }],
  ['a message flood by somebody who never reads: ended or held back, memory bounded', async (t, target) => {
    await flood(t, target, frame(question('q'.repeat(64))))
  }],
  ['a flood of errors to somebody who never reads', async (t, target) => {
    await flood(t, target, frame(JSON.stringify({ type: 'leave', channel: 'x'.repeat(256), correlationId: 'q' })))
  }]
]))

/** Moves the heartbeat's time on, and lets the event loop turn meanwhile. */
async function heartbeats (target: Target, isOver: () => boolean): Promise<void> {
  for (let second = 0; second < 90 && !isOver(); second++) {
    target.clock.advance(1_000)
    await turnsUntil(isOver, 20)
  }
}

/** 32 MiB to a server whose replies nobody takes. What it holds for us is bounded by far less, however it does that. */
async function flood (t: Test, target: Target, one: Buffer): Promise<void> {
  const raw = await target.upgraded('flood')
  raw.pause()
  const chunk = Buffer.concat(Array.from({ length: Math.ceil(65_536 / one.length) }, () => one))
  let most = 0
  for (let sent = 0; sent < 512 && !raw.isOver; sent++) {
    // A server that holds us back fills the buffers on the way: then nothing is taken any more, and that is an answer
    // too.
    if (await isStuck(raw, chunk)) break
    most = Math.max(most, buffered(target))
  }
  t.ok(most < 4 * 1024 * 1024, `${most} bytes waited at most`)
  t.ok(await turnsUntil(() => target.app.registry.size === 0), 'ended by the server')
  raw.resume()
  await raw.destroy()
}

function buffered (target: Target): number {
  return [...target.app.websocketServer.clients].reduce((sum, { bufferedAmount }) => sum + bufferedAmount, 0)
}

async function isStuck (raw: RawSocket, chunk: Buffer): Promise<boolean> {
  let isTaken = false
  raw.flush(chunk).then(() => { isTaken = true })
  return !await turnsUntil(() => isTaken, 2_000)
}

// --- Messages -------------------------------------------------------------------------------------------------------

t.test('envelopes: one that breaks a limit harms only itself, one that is none closes with 1008', (t) =>
  attack(t, {}, each(textRows, ([, text, outcome]) => async (t, target) => {
    const client = await target.connect('mallory')
    client.sendText(text)
    if (outcome === 'acked') {
      t.match(await client.next('ack'), { correlationId: 'q' })
      await client.close()
    } else if ('type' in outcome) {
      t.match(await client.next('error'), outcome)
      await stillServed(t, client)
    } else {
      t.match(await client.closed, { code: outcome.code, reason: outcome.reason })
    }
  })))

t.test('an envelope that means nothing gets an error with its correlationId', (t) => attack(t, {}, [
  ...each(meaningRows, ([, message, code]) => async (t, target) => {
    const client = await target.connect('mallory', 'lab/a')
    client.send({ ...message, correlationId: 'q' })
    const error = await client.next('error')
    t.match(error, { correlationId: 'q', payload: { code, message: String } })
    t.same(error.channel, message.channel)
    await stillServed(t, client)
  }),
  [
    'an integer beyond doubles',
    (t, target) =>
      refusedText(t, target, '{"type":"echo","channel":"lab/a","payload":{"value":1e400},"correlationId":"q"}')
  ],
  [
    'a member of the payload twice: the last counts',
    (t, target) =>
      refusedText(t, target, '{"type":"echo","channel":"lab/a","payload":{"value":1,"value":"1"},"correlationId":"q"}')
  ],

  ['a channel that is not yours is forbidden, the same whether it exists or not', async (t, target) => {
    const owner = await target.connect('ann', 'vault/ann')
    const client = await target.connect('mallory')
    const replies = []
    for (const channel of ['vault/ann', 'vault/bob']) {
      replies.push(
        JSON.stringify((await client.request('join', channel)).payload)
      )
    }
    t.equal(replies[0], replies[1])
    t.match(replies[0], /forbidden/)
    await Promise.all([owner.close(), client.close()])
  }],
  ['JSON as deep as allowed passes through a schema that takes anything', async (t, target) => {
    const owner = await target.connect('ann', 'vault/ann')
    const any = JSON.parse('['.repeat(62) + ']'.repeat(62)) as unknown
    t.strictSame((await owner.request('put', 'vault/ann', { any })).payload, { any })
    await owner.close()
  }],
  ['`__proto__` in a schema that takes anything', async (t, target) => {
    const owner = await target.connect('ann', 'vault/ann')
    const polluting = '{"any":{"__proto__":{"polluted":true}}}'
    owner.sendText(`{"type":"put","channel":"vault/ann","payload":${polluting},"correlationId":"q"}`)
    t.match(await owner.next('error'), {
      channel: 'vault/ann', correlationId: 'q', payload: { message: 'the message contains the key __proto__' }
    })
    await stillServed(t, owner)
  }],
  ['names of object properties in a schema that takes anything', async (t, target) => {
    const owner = await target.connect('ann', 'vault/ann')
    const any = { toString: 1, valueOf: 2, hasOwnProperty: 3, constructor: 4, then: 5, length: -1 }
    t.match(await owner.request('put', 'vault/ann', { any }), { type: 'ack', payload: { any: Object } })
    await owner.close()
  }],
  ['a correlationId still in flight', async (t, target) => {
    const client = await target.connect('mallory', 'lab/a')
    client.send({ type: 'wait', channel: 'lab/a', payload: { for: 'twin' }, correlationId: 'q' })
    client.send({ type: 'nothing', channel: 'lab/a', correlationId: 'q' })
    t.match(await client.next('error'), { correlationId: 'q', payload: { code: 'in_flight' } })
    target.journal.door('twin').resolve()
    t.match(await client.next('ack'), { correlationId: 'q' })
    await client.close()
  }],
  ['the names of object properties as correlationIds', async (t, target) => {
    const client = await target.connect('mallory', 'lab/a')
    for (const correlationId of ['__proto__', 'constructor', 'toString']) {
      client.send({ type: 'nothing', channel: 'lab/a', correlationId })
      t.match(await client.next('ack'), { correlationId })
    }
    await client.close()
  }],
  ['half of a surrogate pair in a channel or a correlationId is not repeated', async (t, target) => {
    const client = await target.connect('mallory', 'lab/a')
    client.send({ type: 'join', channel: 'lab/\ud800', correlationId: 'q' })
    const { channel, ...error } = await client.next('error')
    t.match(error, { correlationId: 'q', payload: { code: 'unknown_channel' } })
    t.equal(channel, undefined)
    client.send({ type: 'nothing', channel: 'lab/a', correlationId: '\udfff' })
    const { correlationId, ...other } = await client.next('error')
    t.match(other, { channel: 'lab/a', payload: { code: 'invalid_payload', details: { path: '' } } })
    t.equal(correlationId, undefined)
    await client.close()
  }],
  ['text that would end a line of the log, or of HTML', async (t, target) => {
    const client = await target.connect('mallory', 'lab/a')
    t.match(await client.request('a\r\n{"level":60}</script>\u2028', 'lab/a'), { payload: { code: 'unknown_type' } })
    await client.close()
  }],
  ['text shaped to slow regular expressions down is answered in 50 ms', async (t, target) => {
    for (const [type, channel, payload] of slow) {
      t.ok(
        await fastest(target, type, channel, payload) < 50, `${type} ${channel.slice(0, 12)}`
      )
    }
  }],
  ['over the budget: 1008', async (t, target) => {
    const client = await target.connect('mallory', 'lab/a')
    for (let i = 0; i < 11; i++) client.send({ type: 'nonsense', channel: 'lab/a', correlationId: `q${i}` })
    t.strictSame(await client.closed, { code: 1008, reason: 'too many invalid messages' })
    t.equal(client.log.filter(({ type }) => type === 'error').length, 11, 'every one of them is answered')
  }]
]))

const slow: ReadonlyArray<readonly [type: string, channel: string, payload?: unknown]> = [
  ['join', `lab/${'a'.repeat(250)}!`],
  ['join', '/'.repeat(256)],
  ['join', `lab/${' '.repeat(250)}`],
  ['note', 'lab/a', { text: `${'a'.repeat(60_000)}!` }],
  ['note', 'lab/a', { text: '\\'.repeat(30_000) }],
  ['echo', 'lab/a', { value: '9'.repeat(60_000) }]
]

/** CPU time, the best of three: other processes and the collector of garbage are none of our business. */
async function fastest (target: Target, type: string, channel: string, payload: unknown): Promise<number> {
  const times = []
  for (let i = 0; i < 3; i++) {
    const client = await target.connect('mallory', 'lab/a')
    const before = process.cpuUsage()
    await client.request(type, channel, payload)
    const { user, system } = process.cpuUsage(before)
    times.push((user + system) / 1_000)
    await client.close()
  }
  return Math.min(...times)
}

async function refusedText (t: Test, target: Target, text: string): Promise<void> {
  const client = await target.connect('mallory', 'lab/a')
  client.sendText(text)
  t.match(await client.next('error'), { correlationId: 'q', payload: { code: 'invalid_payload' } })
  await stillServed(t, client)
}

async function stillServed (t: Test, client: TestClient): Promise<void> {
  t.match(await client.request('ping'), { type: 'ack' })
  await client.close()
}

// --- Rates ----------------------------------------------------------------------------------------------------------

const tight = {
  messages: { max: 5, timeWindow: 1_000 },
  bytes: { max: 70_000, timeWindow: 1_000 },
  joins: { max: 4, timeWindow: 10_000 },
  rateLimitErrors: { max: 5, timeWindow: 10_000 },
  channels: 2
}

/** Sends all at once; resolves with the replies, in the order of the messages. */
function burst (client: TestClient, count: number, type = 'ping'): Promise<Envelope[]> {
  return Promise.all(Array.from({ length: count }, () => client.request(type)))
}

t.test('rate limits: a client above them gets retryAfter, then a close with 1008', (t) => attack(t, {
  channels: { limits: tight }
}, [
  ['a burst and one: rate_limited, with retryAfter', async (t, target) => {
    const client = await target.connect('mallory')
    const replies = await burst(client, 6)
    t.strictSame(replies.map(({ type }) => type), ['ack', 'ack', 'ack', 'ack', 'ack', 'error'])
    const { code, retryAfter } = replies[5]?.payload as ErrorPayload
    t.equal(code, 'rate_limited')
    t.ok(Number.isInteger(retryAfter) && retryAfter as number > 0 && retryAfter as number <= 1_000, `${retryAfter} ms`)
    target.clock.advance(retryAfter as number)
    await stillServed(t, client)
  }],
  ['sustained: 1008', async (t, target) => {
    const client = await target.connect('mallory')
    for (let i = 0; i < 11; i++) client.send({ type: 'ping', correlationId: `q${i}` })
    t.strictSame(await client.closed, { code: 1008, reason: 'too many messages over the rate limit' })
    t.equal(client.log.filter(({ type }) => type === 'error').length, 6, 'every one of them is answered')
  }],
  ['sustained without correlationIds, and of types that do not exist: 1008', async (t, target) => {
    const client = await target.connect('mallory')
    for (let i = 0; i < 11; i++) client.send({ type: 'nonsense' })
    t.match(await client.closed, { code: 1008, reason: 'too many messages over the rate limit' })
  }],
  ['as many bytes as allowed and one message: rate_limited', async (t, target) => {
    const client = await target.connect('mallory')
    t.match(await client.request('ping', undefined, 'x'.repeat(60_000)), { type: 'ack' })
    t.match(
      await client.request('ping', undefined, 'x'.repeat(60_000)),
      { type: 'error', payload: { code: 'rate_limited', retryAfter: Number } }
    )
    target.clock.advance(1_000)
    await stillServed(t, client)
  }],
  ['joining and leaving without end: rate_limited', async (t, target) => {
    const client = await target.connect('mallory')
    for (const type of ['join', 'leave', 'join', 'leave']) t.match(await client.request(type, 'lab/a'), { type: 'ack' })
    t.match(
      await client.request('join', 'lab/a'), { type: 'error', payload: { code: 'rate_limited', retryAfter: Number } }
    )
    await stillServed(t, client)
  }],
  ['joins of channels that do not exist count as well', async (t, target) => {
    const client = await target.connect('mallory')
    for (let i = 0; i < 4; i++) {
      t.match(
        await client.request('join', `nowhere/${i}`), { payload: { code: 'unknown_channel' } }
      )
    }
    t.match(await client.request('join', 'nowhere/5'), { payload: { code: 'rate_limited' } })
    await stillServed(t, client)
  }],
  ['joins over the limit of channels: too_many_channels', async (t, target) => {
    const client = await target.connect('mallory', 'lab/a')
    t.match(await client.request('join', 'lab/b'), { type: 'ack' })
    t.match(await client.request('join', 'lab/c'), { type: 'error', payload: { code: 'too_many_channels' } })
    await client.request('leave', 'lab/a')
    await client.close()
  }],
  ['joins over the limit of channels, all under way at once', async (t, target) => {
    const client = await target.connect('mallory')
    const joins = ['lab/slowa', 'lab/slowb', 'lab/slowc'].map((channel) => client.request('join', channel))
    await client.request('ping')
    for (const door of ['slowa', 'slowb', 'slowc']) target.journal.door(door).resolve()
    t.strictSame((await Promise.all(joins)).map(({ type }) => type).sort(), ['ack', 'ack', 'error'])
    await client.close()
  }],
  ['a message\'s own rate is counted per user, over all connections', async (t, target) => {
    const [one, other] = [await target.connect('ann', 'vault/ann'), await target.connect('ann', 'vault/ann')]
    for (const client of [one, other]) t.match(await client.request('knock', 'vault/ann'), { type: 'ack' })
    for (const client of [one, other]) {
      t.match(
        await client.request('knock', 'vault/ann'), { payload: { code: 'rate_limited', retryAfter: Number } }
      )
    }
    await Promise.all([stillServed(t, one), stillServed(t, other)])
  }],
  ['and connecting again does not start it anew', async (t, target) => {
    for (const type of ['ack', 'ack', 'error']) {
      const client = await target.connect('ann', 'vault/ann')
      t.match(await client.request('knock', 'vault/ann'), { type })
      await client.close()
    }
  }]
]))
