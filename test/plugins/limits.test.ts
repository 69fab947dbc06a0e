import { EventEmitter, once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { FastifyRequest } from 'fastify'
import t from 'tap'
import { WebSocket } from 'ws'
import { defineChannel } from '../../lib/contract/define-channel.ts'
import { implement } from '../../lib/server/implement.ts'
import { FakeClock } from '../../lib/testing/fake-clock.ts'
import { TestClient, type UpgradeRefused } from '../../lib/testing/test-client.ts'
import { adapterWith } from '../support/adapter-with.ts'
import { bearer, listen, makeApp, serveLab } from '../support/serve.ts'

const refused = (attempt: Promise<unknown>): Promise<Partial<UpgradeRefused>> =>
  attempt.then(() => ({ status: 101 }), (error) => error)
const channel = 'lab/a'

t.test('connections', async (t) => {
  t.test('of a server are limited: 503, and a place is free again when one ends', async (t) => {
    const { connect } = await serveLab(t, { limits: { connections: 2 } })
    const first = await connect('ann')
    await connect('bob')
    t.match(await refused(connect('cy')), { status: 503, headers: { 'retry-after': /^\d+$/ } })
    await first.close()
    await turn()
    t.ok(await connect('cy'))
  })

  t.test('of a user are limited: 429', async (t) => {
    const { connect } = await serveLab(t, { limits: { perUser: 2 } })
    await Promise.all([connect('ann'), connect('ann')])
    t.match(await refused(connect('ann')), { status: 429, headers: { 'retry-after': /^\d+$/ } })
    t.ok(await connect('bob'))
  })

  t.test('of a socket that closed during a hook of the application take nothing', async (t) => {
    const { app, sink } = await makeApp(t, { limits: { connections: 1 } })
    const [asked, hasClosed] = [once(app.server, 'upgrade'), new EventEmitter()]
    const onRequest = async ({ raw: { socket } }: FastifyRequest) => {
      if (hasClosed.listenerCount('closed') > 0) await once(socket, 'close').then(() => hasClosed.emit('closed'))
    }
    app.addHook('onRequest', onRequest)
    app.ws('/ws', { public: true }, [])
    const { url } = await listen(app, sink)
    const closed = once(hasClosed, 'closed')
    const client = new WebSocket(`${url}/ws`).on('error', () => {})
    await asked
    client.terminate()
    await closed
    await turn()
    t.ok(await TestClient.connect(`${url}/ws`))
  })

  t.test('of an address are limited, refused ones included only while they last: 429', async (t) => {
    const { connect, url } = await serveLab(t, { limits: { perIp: 1 } })
    t.match(await refused(TestClient.connect(`${url}/lab`)), { status: 401 })
    await connect('ann')
    t.match(await refused(connect('bob')), { status: 429, headers: { 'retry-after': /^\d+$/ } })
  })

  t.test('of an address behind a proxy are counted by its address there, whatever a client forwards', async (t) => {
    // A proxy such as nginx adds the address of its client behind the forged one.
    const statuses = async (trustProxy: boolean | string) => {
      const { app, sink } = await makeApp(t, { limits: { perIp: 1 } }, { trustProxy })
      app.ws('/x', { public: true }, [])
      const { url } = await listen(app, sink)
      const from = async (forwarded: string) =>
        (await refused(TestClient.connect(`${url}/x`, [], { headers: { 'x-forwarded-for': forwarded } }))).status
      return [await from('6.6.6.1, 10.0.0.1'), await from('6.6.6.2, 10.0.0.1'), await from('6.6.6.1, 10.0.0.2')]
    }
    t.strictSame(await statuses('127.0.0.1'), [101, 429, 101], 'the address of the proxy: no forged address counts')
    t.strictSame(await statuses(false), [101, 429, 429], 'no proxy: all are one address')
    t.strictSame(await statuses(true), [101, 101, 429], 'true: the forged address counts, so do not set it')
  })
})

t.test('messages', async (t) => {
  t.test('over the rate are refused with when to try again; a storm is closed with 1008', async (t) => {
    const clock = new FakeClock()
    const { connect, logged } = await serveLab(
      t, { clock, limits: { messages: { max: 5, timeWindow: 1000 }, rateLimitErrors: { max: 3, timeWindow: 10_000 } } }
    )
    const client = await connect('ann')
    for (let i = 0; i < 5; i++) t.equal((await client.request('ping')).type, 'ack')
    t.match(await client.request('ping'), { type: 'error', payload: { code: 'rate_limited', retryAfter: 200 } })
    clock.advance(200)
    t.equal((await client.request('ping')).type, 'ack')
    for (let i = 0; i < 2; i++) await client.request('ping')
    client.send({ type: 'ping' })
    t.strictSame(await client.closed, { code: 1008, reason: 'too many messages over the rate limit' })
    t.match(await logged('too many messages over the rate limit'), { level: 40 })
  })

  t.test('count ping frames, which cannot be refused: a storm of them is closed all the same', async (t) => {
    const { connect } = await serveLab(
      t, { limits: { messages: { max: 5, timeWindow: 60_000 }, rateLimitErrors: { max: 3, timeWindow: 60_000 } } }
    )
    const client = await connect('ann')
    for (let i = 0; i < 8; i++) client.webSocket.ping()
    t.equal((await client.request('ping')).type, 'error', 'eight are borne')
    t.strictSame(await client.closed, { code: 1008, reason: 'too many messages over the rate limit' })
  })

  t.test('over the bytes are refused too', async (t) => {
    const { connect } = await serveLab(t, { limits: { bytes: { max: 1000, timeWindow: 1000 } } })
    const client = await connect('ann')
    t.equal((await client.request('ping', undefined, 'x'.repeat(1000))).type, 'ack')
    t.match((await client.request('ping')).payload, { code: 'rate_limited' })
  })

  t.test('and joins have rates of their own', async (t) => {
    const { connect } = await serveLab(
      t, { limits: { messages: { max: 1, timeWindow: 60_000 }, joins: { max: 3, timeWindow: 60_000 } } }
    )
    const client = await connect('ann')
    for (const id of ['a', 'b', 'c']) t.equal((await client.request('join', `lab/${id}`)).type, 'ack')
    t.match((await client.request('join', 'lab/d')).payload, { code: 'rate_limited' })
    t.equal((await client.request('ping')).type, 'ack')
  })

  t.test('of a type that declares a rate are counted per user, over all connections', async (t) => {
    const { app, sink } = await makeApp(t)
    const shop = defineChannel({
      pattern: 'shop', fromClient: { buy: { rateLimit: { max: 2, timeWindow: 60_000 } } }, fromServer: {}
    })
    app.ws(
      '/shop',
      { identify: (request) => ({ id: String(request.headers['x-user']) }) },
      [implement(shop, { on: { buy: () => {} } })]
    )
    const { url } = await listen(app, sink)
    const enter = async (user: string) => {
      const client = await TestClient.connect(`${url}/shop`, [], { headers: { 'x-user': user } })
      await client.request('join', 'shop')
      return client
    }
    const [one, two, bob] = [await enter('ann'), await enter('ann'), await enter('bob')]
    t.equal((await one.request('buy', 'shop')).type, 'ack')
    t.equal((await two.request('buy', 'shop')).type, 'ack')
    t.match((await one.request('buy', 'shop')).payload, { code: 'rate_limited', retryAfter: Number })
    t.equal((await bob.request('buy', 'shop')).type, 'ack')
    await one.close()
    t.match(
      (await (await enter('ann')).request('buy', 'shop')).payload,
      { code: 'rate_limited' },
      'coming back resets nothing'
    )
  })

  t.test('a rate that is none is refused at registration', async (t) => {
    const { app } = await makeApp(t)
    const bad = defineChannel({
      pattern: 'bad', fromClient: { x: { rateLimit: { max: 0, timeWindow: 1000 } } }, fromServer: {}
    })
    t.throws(
      () => app.ws('/bad', {}, [implement(bad, { on: { x: () => {} } })]),
      { message: /^invalid 'max' in channel '.*', fromClient 'x', rateLimit: pass a whole number from 1$/ }
    )
  })
})

t.test('channels of a connection are limited, joins under way included', async (t) => {
  const { connect, journal } = await serveLab(t, { limits: { channels: 2 } })
  const client = await connect('ann')
  const slow = client.request('join', 'lab/slow')
  await client.request('join', channel)
  t.match((await client.request('join', 'lab/b')).payload, { code: 'too_many_channels' })
  journal.door('slow').resolve()
  t.equal((await slow).type, 'ack')
  await client.request('leave', channel)
  t.equal((await client.request('join', 'lab/b')).type, 'ack')
})

t.test('presence', async (t) => {
  t.test('waits for a lost connection to come back, and tells nobody then', async (t) => {
    const clock = new FakeClock()
    const { connect, logged } = await serveLab(t, { clock, presenceGrace: 3000 })
    const [ann, bob] = [await connect('ann'), await connect('bob')]
    for (const client of [ann, bob]) await client.request('join', channel)
    await ann.next('presence')
    bob.terminate()
    await logged('connection closed')
    clock.advance(2999)
    const again = await connect('bob')
    t.match(
      await again.request('join', channel), { payload: { presence: [{ user: 'id-of-ann' }, { user: 'id-of-bob' }] } }
    )
    clock.advance(3000)
    await ann.request('ping')
    t.equal(ann.log.filter(({ type }) => type === 'presence').length, 1, 'nobody was told')
    await again.request('leave', channel)
    await ann.next('presence')
    t.strictSame(ann.log.filter(({ type }) => type === 'presence').map(({ payload }) => payload), [
      { joined: [{ user: 'id-of-bob', data: { name: 'bob' } }] }, { left: ['id-of-bob'] }
    ])
  })

  t.test('does not wait for who leaves', async (t) => {
    const { connect } = await serveLab(t, { clock: new FakeClock(), presenceGrace: 3000 })
    const [ann, bob] = [await connect('ann'), await connect('bob')]
    for (const client of [ann, bob]) await client.request('join', channel)
    await ann.next('presence')
    await bob.request('leave', channel)
    t.match((await ann.next('presence')).payload, { left: ['id-of-bob'] })
  })
})

t.test('a client that reads too slowly is closed with 1013, the others hear on', async (t) => {
  const { connect, logged, app } = await serveLab(
    t,
    {
      limits: {
        sendQueueBytes: 100_000, messages: { max: 10_000, timeWindow: 1000 }, bytes: { max: 2 ** 30, timeWindow: 1000 }
      },
      closeTimeout: 100
    }
  )
  const [fast, slow] = [await connect('ann'), await connect('bob')]
  for (const client of [fast, slow]) await client.request('join', channel)
  slow.webSocket.pause()
  while (app.registry.ofUser('id-of-bob').length > 0) await fast.request('note', channel, { text: 'x'.repeat(60_000) })
  t.match(await logged('the client reads too slowly'), { level: 40, user: 'id-of-bob', code: 1013 })
  t.equal((await fast.request('ping')).type, 'ack')
  slow.terminate()
})

t.test('the sweep finds nothing where all is well', async (t) => {
  const clock = new FakeClock()
  const { connect, app } = await serveLab(t, { clock })
  const well = await connect('ann')
  await well.request('join', channel)
  t.strictSame(app.registry.swept, { closed: 0, unwatched: 0, orphaned: 0 })
  clock.advance(15_000)
  await well.request('ping')
  for (let i = 0; i < 6; i++) {
    clock.advance(9_000)
    await well.request('ping')
  }
  t.strictSame(app.registry.swept, { closed: 0, unwatched: 0, orphaned: 0 }, 'nothing when all is well')
})

t.test('limits: false lifts those on connections and rates', async (t) => {
  const { connect } = await serveLab(t, { limits: false })
  const clients = await Promise.all(Array.from({ length: 25 }, () => connect('ann')))
  const replies = await Promise.all(Array.from({ length: 500 }, () => (clients[0] as TestClient).request('ping')))
  t.ok(replies.every(({ type }) => type === 'ack'))
})

t.test('limits: with false a user opens more connections than the default of 20', async (t) => {
  const { app, connect } = await serveLab(t, { limits: false })
  await Promise.all(Array.from({ length: 21 }, () => connect('ann')))
  t.equal(app.registry.size, 21, 'every connection is accepted')
})

t.test('log: a connection whose messages are refused writes 10 lines of a kind a minute', async (t) => {
  const { connect, log, logged } = await serveLab(t, { protocolErrors: { max: 1_000, timeWindow: 1_000 } })
  const client = await connect('ann')
  for (let i = 0; i < 100; i++) t.equal((await client.request('unknown')).type, 'error')
  await client.close()
  t.match(
    await logged('log lines of a connection were suppressed'),
    { suppressed: 90, line: 'a message was refused', level: 30 }, 'at the level of the suppressed lines'
  )
  t.equal(log.filter(({ msg }) => msg === 'a message was refused').length, 10)
})

t.test('log: refused upgrades of one address write the lines of 10 a minute, admitted ones all lines', async (t) => {
  const clock = new FakeClock()
  const { connect, log, logged, url, app } = await serveLab(t, { clock, identify: identifyOrLog })
  const count = (message: string) => log.filter(({ msg }) => msg === message).length
  const lines = () => [
    count('incoming request'), count('authentication failed'), count('request completed')
  ]
  for (let i = 0; i < 25; i++) t.match(await refused(TestClient.connect(`${url}/lab`)), { status: 401 })
  await connect('ann')
  t.strictSame(lines(), [11, 10, 10], 'the line about the admitted upgrade is written')
  t.equal(count('a line of the application'), 25, 'lines of the application are not suppressed')
  t.equal(app.channels.status().counters.rejections.http_401, 25, 'all are counted')
  clock.advance(60_000)
  t.match(await logged('log lines of refused upgrades were suppressed'), { statuses: { 401: 15 }, level: 30 })
  await refused(TestClient.connect(`${url}/lab`))
  t.strictSame(lines(), [12, 11, 11], 'the next minute has its own budget')
})

function identifyOrLog (request: FastifyRequest): { id: string } | undefined {
  if (request.headers.authorization) return { id: 'ann' }
  request.log.info({ res: { request: 'GET' } }, 'a line of the application')
  return undefined
}

t.test('log: 30 upgrades at once that are admitted write all lines, and a closing server reports', async (t) => {
  const { connect, log, url, app } = await serveLab(t, { limits: { perUser: 30 } })
  await Promise.all(Array.from({ length: 30 }, () => connect('ann')))
  for (let i = 0; i < 11; i++) await refused(TestClient.connect(`${url}/lab`))
  t.equal(log.filter(({ msg }) => msg === 'incoming request').length, 40)
  await app.close()
  t.match(log.find(({ msg }) => msg === 'log lines of refused upgrades were suppressed'), { statuses: { 401: 1 } })
})

t.test('log: with a logger that is not made for one request, refused upgrades are answered as well', async (t) => {
  const { app, sink } = await makeApp(t)
  app.ws('/own', { childLoggerFactory: (logger) => logger }, [])
  const { url, log } = await listen(app, sink)
  for (let i = 0; i < 11; i++) t.match(await refused(TestClient.connect(`${url}/own`)), { status: 401 })
  t.equal(log.filter(({ msg }) => msg === 'request completed').length, 11)
})

t.test('attempts: upgrades that hang or are refused take no connection of their user, address or server', async (t) => {
  const clock = new FakeClock()
  const { app, sink } = await makeApp(t, { clock, limits: { perUser: 2, perIp: 2, connections: 2 } })
  const hanging: Array<() => void> = []
  app.ws('/ws', {
    preHandler: async ({ headers }, reply) => {
      if (headers['x-refused']) return reply.code(403).send()
      if (headers['x-hang']) await new Promise<void>((resolve) => hanging.push(resolve))
    }
  }, [])
  const { url, token } = await listen(app, sink)
  const attempt = (headers: Record<string, string> = {}) =>
    refused(TestClient.connect(`${url}/ws`, [], { headers: { authorization: `Bearer ${token('ann')}`, ...headers } }))
  const hangs = async (count: number) => {
    const attempts = Array.from({ length: count }, () => attempt({ 'x-hang': 'yes' }))
    while (hanging.length < count) await turn()
    return attempts
  }
  t.match(await attempt(), { status: 101 })
  const [first] = await hangs(1)
  t.match(await attempt({ 'x-refused': 'yes' }), { status: 403 })
  t.match(await attempt(), { status: 101 }, 'the second connection, while an attempt hangs and one was refused')
  hanging.shift()?.()
  t.match(await first, { status: 503 }, 'the attempt finds no connection left when it is decided')
  t.match(await attempt(), { status: 503 }, 'further ones are refused at once')
})

t.test('attempts: plain requests are limited by themselves, until they are answered or aborted', async (t) => {
  const hanging: Array<() => void> = []
  const { app, sink } = await makeApp(t, {
    limits: { perIp: 3 },
    identify: async ({ headers }) => {
      if (headers['x-hang']) await new Promise<void>((resolve) => hanging.push(resolve))
      return headers['x-refused'] ? undefined : { id: 'ann' }
    }
  })
  app.ws('/ws', {}, [])
  const { url, http } = await listen(app, sink)
  const ask = (headers: Record<string, string> = {}, signal = new AbortController().signal) =>
    fetch(`${http}/ws`, { headers, signal }).then(({ status }) => status, () => 0)
  for (const status of [426, 401]) {
    const refusal: Record<string, string> = status === 401 ? { 'x-refused': 'yes' } : {}
    for (let i = 0; i < 4; i++) t.equal(await ask(refusal), status)
    t.equal((await app.inject({ url: '/ws', headers: refusal })).statusCode, status)
    const controller = new AbortController()
    const hang = (signal?: AbortSignal) => ask({ 'x-hang': 'yes', ...refusal }, signal)
    const asked = [hang(), hang(controller.signal), hang(controller.signal)]
    while (hanging.length < 3) await turn()
    t.equal(await ask(), 429, 'three are under way')
    const client = await TestClient.connect(`${url}/ws`)
    await client.close()
    controller.abort()
    for (const resolve of hanging.splice(0, 1)) resolve()
    t.strictSame(await Promise.all(asked), [status, 0, 0])
    while (await ask() === 429) await turn()
    hanging.length = 0
  }
})

t.test('attempts: a plain request holds no quota while the other nodes are asked', async (t) => {
  const asked: Array<(outcome: { granted: true }) => void> = []
  const adapter = adapterWith({ quota: { check: () => new Promise((resolve) => asked.push(resolve)) } })
  const { connect, http, token } = await serveLab(t, { adapter, limits: { perUser: 1, connections: 1 } })
  const plain = fetch(`${http}/lab`, bearer(token('ann')))
  while (asked.length === 0) await turn()
  await connect('ann')
  asked[0]?.({ granted: true })
  t.equal((await plain).status, 426)
})

t.test('attempts: they are limited, and released when they are refused, aborted or timed out', async (t) => {
  const clock = new FakeClock()
  const hanging: string[] = []
  const { app, sink } = await makeApp(t, {
    clock,
    limits: { perIp: 3 },
    identify: async ({ headers }) => {
      if (headers['x-hang']) await new Promise(() => hanging.push('one'))
      return headers['x-refused'] ? undefined : { id: 'ann' }
    }
  })
  app.ws('/ws', {}, [])
  const { url } = await listen(app, sink)
  const attempt = (headers: Record<string, string> = {}) => refused(TestClient.connect(`${url}/ws`, [], { headers }))
  const sockets = promisify(app.server.getConnections.bind(app.server))
  const released = async () => { while (await sockets() > 0) await turn() }
  for (let wave = 1; wave <= 3; wave++) {
    for (let i = 0; i < 4; i++) t.match(await attempt({ 'x-refused': 'yes' }), { status: 401 })
    await released()
    const attempts = Array.from({ length: 3 }, () => attempt({ 'x-hang': 'yes' }))
    while (hanging.length < wave * 6 - 3) await turn()
    t.match(await attempt(), { status: 429, headers: { 'retry-after': '5' } }, 'three are under way')
    clock.advance(5_000)
    for (const timedOut of attempts) t.match(await timedOut, { status: 503 })
    await released()
    const aborting = Array.from({ length: 3 }, () => new WebSocket(`${url}/ws`, { headers: { 'x-hang': 'yes' } }))
    while (hanging.length < wave * 6) await turn()
    for (const webSocket of aborting) {
      webSocket.on('error', () => {})
      webSocket.terminate()
    }
    await released()
  }
  t.match(await attempt(), { status: 101 })
})
