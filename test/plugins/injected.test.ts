import { Agent } from 'node:http'
import { Type } from '@sinclair/typebox'
import fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import t, { type Test } from 'tap'
import type { WebSocket } from 'ws'
import { defineChannel, defineConnection } from '../../lib/contract/define-channel.ts'
import { implement } from '../../lib/server/implement.ts'
import { FakeClock } from '../../lib/testing/fake-clock.ts'
import { TestClient, UpgradeRefused } from '../../lib/testing/test-client.ts'
import { channels, type ChannelsOptions } from '../../plugins/channels.ts'
import { cert, key } from '../support/certificate.ts'
import { secret } from '../support/serve.ts'

const wall = defineChannel({
  pattern: 'wall/:id',
  params: Type.Object({ id: Type.String() }),
  fromClient: {
    write: { payload: Type.Object({ text: Type.String() }), reply: Type.Object({ ip: Type.String() }) }
  },
  fromServer: { written: { payload: Type.Object({ text: Type.String() }) } }
})

const own = defineConnection({ fromClient: { hello: { reply: Type.String() } }, fromServer: {} })

async function start (t: Test, options: ChannelsOptions = {}, server: FastifyServerOptions = {}) {
  const app = fastify(server)
  t.teardown(() => app.close())
  await app.register(channels, options)
  app.ws('/ws', { public: true }, [
    implement(own, { on: { hello: () => 'hello' } }),
    implement(wall, {
      on: {
        write: async (ctx, { text }) => {
          await ctx.broadcast('written', { text })
          return { ip: ctx.connection.ip }
        }
      }
    })
  ])
  await app.ready()
  return app
}

/** A client over `injectWS`, as the documentation shows it. */
async function injected (app: FastifyInstance, context?: object): Promise<TestClient<typeof wall | typeof own>> {
  let client: TestClient<typeof wall | typeof own> | undefined
  await app.injectWS('/ws', context, { onInit: (webSocket) => { client = TestClient.over(webSocket as WebSocket) } })
  return client!
}

const contexts: Array<[what: string, context: object | undefined, ip: string]> = [
  ['nothing', undefined, '127.0.0.1'],
  ['headers', { headers: { 'x-text': 'test', 'x-number': 7, 'x-list': ['a', 'b'], 'x-none': undefined } }, '127.0.0.1'],
  ['a Host and its Origin', { headers: { Host: 'a.test', Origin: 'http://a.test' } }, '127.0.0.1'],
  ['an address', { socket: { remoteAddress: '10.0.0.1' } }, '10.0.0.1']
]

for (const [what, context, ip] of contexts) {
  t.test(`injectWS: connects with ${what}, joins, sends and closes`, async (t) => {
    const app = await start(t)
    const client = await injected(app, context)
    t.match(await client.welcome, { patterns: ['wall/:id'] })
    t.match(await client.request('join', 'wall/a'), { type: 'ack' })
    t.match(await client.request('write', 'wall/a', { text: 'x'.repeat(20_000) }), { type: 'ack', payload: { ip } })
    t.match(await client.next('written'), { payload: { text: /^x{20000}$/ } })
    t.match(await client.close(), { code: 1000 })
    await app.close()
    t.equal(app.registry.size, 0, 'the server has noticed the close')
  })
}

t.test('injectWS: hooks see a request as of a network, and a token in a header of any case is found', async (t) => {
  const app = fastify()
  t.teardown(() => app.close())
  await app.register(channels, { jwt: { secret } })
  const seen: object[] = []
  app.ws('/ws', {
    onRequestAbort: async () => {},
    onRequest: async ({ ip, host, protocol, headers, raw }) => {
      const { cookie, 'sec-websocket-version': version } = headers
      const { httpVersionMajor: http, rawHeaders } = raw
      seen.push({ ip, host, protocol, cookie, version, http, raw: rawHeaders.includes('cookie') })
    }
  }, [implement(own, { on: { hello: () => '' } })])
  await app.ready()
  const headers = { Authorization: `Bearer ${app.jwt.sign({ sub: 'ann', name: 'ann' })}`, Cookie: ['a=1', 'b=2'] }
  const webSocket = await app.injectWS('/ws', { headers } as object)
  t.equal(app.registry.size, 1)
  webSocket.terminate()
  t.strictSame(seen, [{
    ip: '127.0.0.1', host: 'localhost:80', protocol: 'http', cookie: 'a=1; b=2', version: '13', http: 1, raw: true
  }])
})

t.test('injectWS and TestClient.inject: a path may lack its slash or be a URL, and an agent is ignored', async (t) => {
  const app = await start(t)
  for (const path of ['/ws', 'ws', 'ws?a=1', 'http://localhost/ws', 'https://localhost:3000/ws?a=1#b', 'ws://a.test/ws']) {
    await t.resolves(app.injectWS(path).then((webSocket) => webSocket.terminate()), `injectWS: ${path}`)
    const client = await TestClient.inject(app, path).catch((error: Error) => error)
    t.match(client, { log: [] }, `inject: ${path}`)
  }
  for (const agent of [false as never, new Agent({ keepAlive: true })]) {
    t.match(await TestClient.inject(app, '/ws', [], { agent }).catch((error: Error) => error), { log: [] }, 'agent')
  }
  await t.rejects(app.injectWS(), { message: /404/ }, 'the path is / by default')
})

t.test('injectWS: an error of onOpen rejects, and closes the connection', async (t) => {
  const app = await start(t)
  const onOpen = () => { throw new Error('of the test') }
  await t.rejects(app.injectWS('/ws', {}, { onOpen }), { message: 'of the test' })
  await app.close()
  t.equal(app.registry.size, 0)
  const opened: unknown[] = []
  const other = await start(t)
  t.equal(await other.injectWS('/ws', {}, { onOpen: (webSocket) => opened.push(webSocket) }), opened[0])
})

t.test('injectWS: a refusal rejects with its status', async (t) => {
  const app = await start(t, { jwt: { secret } })
  for (const [path, headers, status] of [
    ['/nowhere', {}, 404], ['/%zz', {}, 400], ['/ws', { origin: 'https://evil.test' }, 403],
    ['/ws', { 'sec-websocket-protocol': 'mqtt' }, 400], ['/ws', { 'content-length': '5' }, 400]
  ] as const) {
    await t.rejects(app.injectWS(path, { headers }), { message: `Unexpected server response: ${status}` }, path)
  }
})

t.test('injectWS: app.close() closes open, silent and undecided connections, and rejects later ones', async (t) => {
  const clock = new FakeClock()
  const app = fastify()
  await app.register(channels, { clock })
  app.ws('/ws', { public: true }, [implement(own, { on: { hello: () => '' } })])
  app.ws('/slow', { public: true, onRequest: () => {} }, [implement(own, { on: { hello: () => '' } })])
  await app.ready()
  const open = await injected(app)
  const gone = await app.injectWS('/ws')
  gone.terminate()
  const undecided = t.rejects(app.injectWS('/slow'), { message: /503/ }, 'the undecided upgrade is answered')
  const late = t.rejects(app.injectWS('/slow'), { message: /503/ }, 'the upgrade without a decision is answered')
  clock.advance(5_000)
  await late
  await app.close()
  await undecided
  t.match(await open.closed, { code: 1012 })
  await t.rejects(app.injectWS('/ws'), { message: /503/ }, 'a closed server refuses')
})

t.test('TestClient.inject: talks to an application that does not listen, typed by its contracts', async (t) => {
  const app = await start(t)
  const client = await TestClient.inject<typeof wall | typeof own>(app, '/ws', ['fastify-channels.v1'])
  t.equal(client.webSocket.protocol, 'fastify-channels.v1')
  t.match(await client.request('hello'), { payload: 'hello' })
  t.match(await client.request('join', 'wall/a'), { type: 'ack' })
  const reply = await client.request('write', 'wall/a', { text: 'x' })
  if (reply.type === 'ack') t.equal(reply.payload.ip, '127.0.0.1')
  const { payload: { text } } = await client.next('written')
  t.equal(text, 'x')
  t.strictSame(await client.close(), { code: 1000, reason: '' })
  // @ts-expect-error: the contract has no such message
  client.request('wrote', 'wall/a').catch(() => {})
  // @ts-expect-error: the payload is not that of the message
  const wrong = () => client.request('write', 'wall/a', { text: 1 })
  // @ts-expect-error: the address does not match the pattern
  const elsewhere = () => client.request('join', 'chat/a')
  t.equal(typeof wrong, typeof elsewhere)
  await app.close()
  t.equal(app.registry.size, 0)
})

t.test('TestClient.inject: a client that does not read gets everything later, and may vanish', async (t) => {
  const app = await start(t)
  const [reader, writer, gone] = [
    await TestClient.inject(app, '/ws'), await TestClient.inject(app, '/ws'), await TestClient.inject(app, '/ws')
  ]
  for (const client of [reader, writer, gone]) await client.request('join', 'wall/a')
  reader.webSocket.pause()
  gone.webSocket.pause()
  for (let i = 0; i < 3; i++) await writer.request('write', 'wall/a', { text: 'x'.repeat(60_000) })
  gone.terminate()
  await writer.request('write', 'wall/a', { text: 'x' })
  reader.webSocket.resume()
  for (let i = 0; i < 3; i++) t.match(await reader.next('written'), { payload: { text: /^x{60000}$/ } })
  t.match(await reader.next('written'), { payload: { text: 'x' } })
  await gone.closed
  await app.close()
  t.equal(app.registry.size, 0)
})

t.test('TestClient.inject: a refusal has the status, the headers and the body', async (t) => {
  const app = await start(t, { limits: { perIp: 1 } })
  const first = await TestClient.inject(app, '/ws', [], { localAddress: '10.0.0.1' })
  const refused = await TestClient.inject(app, '/ws', [], { localAddress: '10.0.0.1' }).catch((error: unknown) => error)
  t.match(refused, { status: 429, headers: { 'retry-after': /^\d+$/ }, body: /"retryAfter":\d+/ })
  t.match(await TestClient.inject(app, '/ws', [], { localAddress: '10.0.0.2' }), { log: [] }, 'another address may')
  const cause = await TestClient.inject(app, '/nowhere').catch((error: unknown) => error)
  t.ok(cause instanceof UpgradeRefused && /404.*FST_CHANNELS_NO_SUCH_ROUTE/.test(cause.message), 'the message says why')
  first.terminate()
})

t.test('TestClient.inject: a server with TLS sees https', async (t) => {
  const app = await start(t, {}, { https: { key, cert } } as FastifyServerOptions)
  const client = await TestClient.inject(app, '/ws', [], { headers: { host: 'a.test', origin: 'https://a.test' } })
  t.match(await client.request('ping'), { type: 'ack' })
})

for (const how of ['a port', 'inject', 'injectWS']) {
  t.test(`FakeClock.advanceAsync: past the expiry of a token closes with 3000, over ${how}`, async (t) => {
    const clock = new FakeClock(Date.now())
    const app = fastify()
    t.teardown(() => app.close())
    await app.register(channels, { clock, jwt: { secret } })
    app.ws('/ws', [implement(own, { on: { hello: () => 'hello' } })])
    await app.ready()
    const exp = Math.round(clock.now() / 1_000) + 100
    const headers = { authorization: `Bearer ${app.jwt.sign({ sub: 'ann', name: 'ann', exp } as never)}` }
    const clients: Record<string, () => Promise<TestClient>> = {
      'a port': async () => {
        const address = await app.listen({ port: 0 })
        return TestClient.connect(`${address.replace('http', 'ws')}/ws`, [], { headers })
      },
      inject: () => TestClient.inject(app, '/ws', [], { headers }),
      injectWS: () => injected(app, { headers }) as Promise<TestClient>
    }
    const client = await clients[how]!()
    await clock.advanceAsync(95_000)
    t.match(await client.request('hello'), { payload: 'hello' }, 'it has answered the pings')
    await clock.advanceAsync(10_000)
    t.match(await client.closed, { code: 3000 })
  })
}

t.test('FakeClock.advanceAsync: runs timers of promises in order, at the times when they are due', async (t) => {
  const clock = new FakeClock()
  const events: string[] = []
  const sleep = (ms: number) => new Promise<void>((resolve) => clock.setTimeout(resolve, ms))
  const run = async () => {
    for (let i = 0; i < 3; i++) {
      await sleep(10)
      events.push(`sleep ${clock.now()}`)
    }
  }
  const running = run()
  clock.setTimeout(() => events.push(`timer ${clock.now()}`), 25)
  await clock.advanceAsync(40)
  await running
  t.strictSame(events, ['sleep 10', 'sleep 20', 'timer 25', 'sleep 30'])
  t.equal(clock.now(), 40)
})
