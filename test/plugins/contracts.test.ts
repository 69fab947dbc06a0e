import { Type } from '@sinclair/typebox'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { connect, type ConnectError, type ConnectOptions } from '../../lib/client/index.ts'
import { connect as connectCore, withContract } from '../../lib/client/core.ts'
import { contractFingerprint } from '../../lib/asyncapi/contract-fingerprint.ts'
import { MemoryAdapter, MemoryHub } from '../../lib/memory/memory-adapter.ts'
import { FakeClock } from '../../lib/testing/fake-clock.ts'
import { FakeNetwork } from '../../lib/testing/fake-web-socket.ts'
import { defineChannel, implement, type ChannelsOptions, type WsOptions } from '../../plugins/channels.ts'
import { listen, makeApp, type Served } from '../support/serve.ts'
import { until } from '../support/until.ts'

const news = defineChannel({ pattern: 'news', fromClient: {}, fromServer: { headline: { payload: Type.String() } } })
const talk = defineChannel({ pattern: 'talk', fromClient: { say: {} }, fromServer: {} })
const authorize = () => true
const route = contractFingerprint([talk, news])
const [single, previous, foreign] = [contractFingerprint([news]), 'p'.repeat(16), '0'.repeat(16)]

/** A server whose route has both contracts. */
async function serve (t: Test, options: ChannelsOptions & WsOptions = {}): Promise<Served> {
  const { contractMismatch, previousContracts = [previous], ...plugin } = options
  const { app, sink } = await makeApp(t, plugin)
  app.ws('/ws', { public: true, previousContracts, ...(contractMismatch && { contractMismatch }) },
    [implement(news, { authorize, on: {} }), implement(talk, { authorize, on: { say: () => {} } })])
  return listen(app, sink)
}

function open (t: Test, { url }: Served, options: ConnectOptions = {}, path = '/ws') {
  const client = connect(url + path, { WebSocket, ...options })
  t.teardown(() => client.close())
  return client
}

const statusOf = async (url: string) => (await fetch(url.replace('ws', 'http'))).status

t.test('contracts: the server counts its connections by the contract of their client, and finds them', async (t) => {
  const hub = new MemoryHub()
  const [one, other] = [
    await serve(t, { adapter: new MemoryAdapter(hub) }), await serve(t, { adapter: new MemoryAdapter(hub) })
  ]
  const contracts = [undefined, route, route, single, previous, foreign, '1'.repeat(16)]
  const clients = contracts.map((contract) => open(t, one, { contract }))
  const elsewhere = open(t, other, { contract: previous }, '/ws?lang=en')
  await Promise.all([...clients, elsewhere].map((client) => client.ready()))
  const { channels } = one.app
  t.strictSame(channels.status().contracts, { unknown: 1, [route]: 2, [single]: 1, [previous]: 1, other: 2 })
  t.strictSame(other.app.channels.status().contracts, { [previous]: 1 })
  for (const [contract, count] of [[route, 2], [previous, 2], ['other', 2], ['unknown', 1], [foreign, 0]] as const) {
    const { results } = await channels.registry.list({ contract })
    t.strictSame(results.map((listed) => listed.contract), Array.from({ length: count }, () => contract), contract)
  }
  t.equal((await channels.registry.list({ contract: previous, route: '/nowhere' })).results.length, 0)
  for (const client of clients) client.close()
  await until(() => channels.registry.size === 0)
  t.strictSame(channels.status().contracts, {})
})

t.test('contracts: fingerprints of strangers take no memory, and what is none is refused', async (t) => {
  const served = await serve(t)
  const strangers = Array.from({ length: 50 }, (_, i) => i.toString(32).padStart(16, 'a'))
  await Promise.all(strangers.map((contract) => open(t, served, { contract }).ready()))
  t.strictSame(served.app.channels.status().contracts, { other: 50 })
  for (const value of ['', 'a', 'A'.repeat(16), `${route}0`, `${route}&channels-contract=${route}`]) {
    const response = await fetch(`${served.http}/ws?channels-contract=${value}`)
    t.match([response.status, await response.json()], [400, { code: 'FST_CHANNELS_BAD_HANDSHAKE' }], value)
  }
  t.equal(await statusOf(`${served.url}/ws?channels-contract=${foreign}`), 426, 'the default is to ignore others')
})

t.test('contracts: a route refuses clients of another contract, and says both fingerprints', async (t) => {
  const served = await serve(t, { contractMismatch: 'refuse' })
  const clock = new FakeClock()
  const client = open(t, served, { contract: foreign, clock })
  const error = await new Promise<ConnectError>((resolve) => client.onConnectError(resolve))
  const advice = "update the client, or list its contract in 'previousContracts'."
  t.match(error, {
    status: 400,
    code: 'FST_CHANNELS_CONTRACT_MISMATCH',
    reason: `The client was built with the contract '${foreign}', and the route '/ws' has '${route}': ${advice}`,
    retryIn: 20_000
  })
  for (const contract of [route, single, previous, undefined]) await open(t, served, { contract }).ready()
  t.equal(served.app.channels.status().contracts.other, undefined)
  t.match(served.app.channels.status().counters.rejections, { http_400: 2 }, 'the upgrade and the GET after it')
})

t.test('contracts: the plugin warns about clients of another contract once a minute for each route', async (t) => {
  const clock = new FakeClock()
  const { app, sink } = await makeApp(t, { contractMismatch: 'warn', clock })
  for (const url of ['/a', '/b']) {
    app.ws(url, { public: true, ...(url === '/b' && { contractMismatch: 'ignore' }) },
      [implement(news, { authorize, on: {} })])
  }
  const { url } = await listen(app, sink)
  const ask = (path: string) => statusOf(`${url}${path}?channels-contract=${foreign}`)
  const warnings = () => sink.lines.filter(({ msg }) => msg.startsWith('clients of another contract'))
  for (const path of ['/a', '/a', '/b', '/a']) t.equal(await ask(path), 426)
  t.match(warnings(), [{ level: 40, contract: foreign, own: single, connections: 1 }])
  t.match(warnings()[0]?.msg, "the route '/a': list it in 'previousContracts'")
  clock.advance(60_000)
  await ask('/a')
  t.match(warnings(), [{}, { connections: 3 }])
})

t.test('contracts: a contract with a wrong example has no fingerprint, which only a strict route needs', async (t) => {
  const wrong = defineChannel({
    pattern: 'wrong', fromClient: {}, fromServer: { said: { payload: Type.String({ examples: [1] }) } }
  })
  const channels = [implement(wrong, { authorize, on: {} })]
  const { app, sink } = await makeApp(t)
  app.ws('/ws', { public: true, previousContracts: [previous] }, channels)
  const served = await listen(app, sink)
  for (const contract of [previous, foreign]) await open(t, served, { contract }).ready()
  t.strictSame(app.channels.status().contracts, { [previous]: 1, other: 1 })
  t.equal(sink.lines.filter(({ msg }) => msg === "the contracts of the route '/ws' have no fingerprint: see the error")
    .length, 1)
  const strict = await makeApp(t)
  strict.app.ws('/ws', { public: true, contractMismatch: 'refuse' }, channels)
  await t.rejects(async () => strict.app.ready(), { code: 'FST_CHANNELS_CONTRACT' })
})

t.test('contracts: a client sends its fingerprint with each attempt, and keeps its query', async (t) => {
  const network = new FakeNetwork()
  const clock = new FakeClock()
  const asked: string[] = []
  const ask = async (url: string) => { asked.push(url); return new Response('{}', { status: 503 }) }
  const client = connect('wss://api.test/ws?lang=en', {
    WebSocket: network.WebSocket, clock, contract: route, fetch: ask as never, random: () => 1
  })
  t.teardown(() => client.close())
  await until(() => network.sockets.length === 1)
  network.last.end(1006)
  await until(() => client.lastError !== undefined)
  clock.advance(1_000)
  await until(() => network.sockets.length === 2)
  const query = `lang=en&channels-contract=${route}`
  t.strictSame(network.sockets.map(({ url }) => url), Array.from({ length: 2 }, () => `wss://api.test/ws?${query}`))
  t.strictSame(asked, [`https://api.test/ws?${query}`])
  network.last.accept()
  network.last.say({ type: 'reconnect', payload: { delay: 0 } })
  clock.advance(1_000)
  await until(() => network.sockets.length === 3)
  t.equal(network.last.url, `wss://api.test/ws?${query}`, 'a hand-over too')
  for (const contract of ['', 'k3v', 'A'.repeat(16), 5 as never]) {
    t.throws(() => connect('/ws', { contract }), new TypeError(`'${contract}' is no fingerprint`))
  }
  const core = connectCore(withContract('wss://api.test/ws', route), { WebSocket: network.WebSocket, clock })
  t.teardown(() => core.close())
  await until(() => network.sockets.length === 4)
  t.equal(network.last.url, `wss://api.test/ws?channels-contract=${route}`)
})
