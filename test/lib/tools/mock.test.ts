import { Type } from '@sinclair/typebox'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { connect, type Resync } from '../../../lib/client/index.ts'
import { defineChannel, defineConnection, type AnyChannel } from '../../../lib/contract/define-channel.ts'
import { contractTests } from '../../../lib/testing/contract-tests.ts'
import { FakeClock } from '../../../lib/testing/fake-clock.ts'
import { TestClient, UpgradeRefused } from '../../../lib/testing/test-client.ts'
import { userOf } from '../../../lib/tools/mock/mock-user.ts'
import { mockServer, type MockOptions, type MockServer } from '../../../lib/tools/mock/mock-server.ts'
import { chat } from '../../../routes/chat/chat.contract.ts'
import { editor } from '../../../routes/editor/editor.contract.ts'
import { freePort } from '../../support/free-port.ts'
import { until } from '../../support/until.ts'

type Posted = (typeof chat)['definition']['fromServer']['message.posted']['payload']['static']

const notices = defineConnection({ fromClient: { hello: {} }, fromServer: { notice: { payload: Type.String() } } })

async function serve<C extends AnyChannel> (
  t: Test, contracts: C | readonly C[], options: MockOptions<C> = {}
): Promise<MockServer> {
  const mock = await mockServer(contracts, { every: 0, ...options })
  t.teardown(() => mock.close())
  return mock
}

async function joined (t: Test, url: string, address: string, token = 'ann') {
  const client = await TestClient.connect(url, [], { headers: { authorization: `Bearer ${token}` } })
  t.teardown(() => client.terminate())
  const { payload } = await client.request('join', address)
  return { client, payload }
}

t.test('mock: the typed client works with it unchanged, and resyncs after its restart', async (t) => {
  const port = await freePort()
  const mock = await mockServer(chat, { every: 0, port })
  const client = connect<typeof chat>(`${mock.url}/ws/chat`, { WebSocket, token: () => 'ann', random: () => 0 })
  t.teardown(() => client.close())
  const posted: Posted[] = []
  const resyncs: Array<Resync<(typeof chat)['definition']>> = []
  const lobby = await client.join('chat/:room', { room: 'lobby' }, {
    onResync: (resync) => resyncs.push(resync), on: { 'message.posted': (message) => posted.push(message) }
  })
  await until(() => posted.length === 5)
  const { messages } = await lobby.history({ before: 3 })
  t.equal(messages.length, 2, 'the history has entries')
  t.match(messages[0]?.payload, { id: /^[0-9a-f]{8}$/, from: /^[A-Z][a-z]+$/, text: / / })
  t.strictSame(lobby.presence.map(({ user }) => user).sort(), ['ada', 'ann', 'ben'], 'others are present')
  t.match(await lobby.send('message.send', { text: 'hello' }), { id: /^[0-9a-f]{8}$/ })
  await t.rejects(lobby.send('message.send', { text: '' }), { code: 'invalid_payload' })
  const other = await joined(t, mock.url, 'chat/lobby', 'bob')
  await until(() => lobby.presence.some(({ user }) => user === 'bob'))
  const before = posted.length
  await mock.push()
  await until(() => posted.length > before)
  t.match((await other.client.next('message.posted')).payload, posted.at(-1), 'both receive the same message')
  const known = resyncs.length
  await mock.close()
  const next = await mockServer(chat, { every: 0, port })
  t.teardown(() => next.close())
  await until(() => resyncs.length > known)
  t.equal(resyncs.at(-1)?.reason, 'epoch')
  t.match(await lobby.send('message.send', { text: 'again' }), { id: /./ })
})

t.test('mock: the same seed gives the same history, another seed another one', async (t) => {
  const texts = []
  for (const seed of [1, 1, 2]) {
    const mock = await serve(t, chat, { seed, history: 2, users: 0 })
    const { payload } = await joined(t, mock.url, 'chat/lobby')
    const { messages, presence } = payload as { messages: Array<{ payload: Posted }>, presence: unknown[] }
    texts.push(messages.map(({ payload: { text } }) => text))
    t.equal(presence.length, 1, 'nobody else is present')
  }
  t.strictSame(texts[0], texts[1])
  t.notSame(texts[0], texts[2])
})

t.test('mock: a channel with snapshots starts with one', async (t) => {
  const mock = await serve(t, editor, { history: 3 })
  const [first, second] = await Promise.all([joined(t, mock.url, 'doc/1', 'a'), joined(t, mock.url, 'doc/1', 'b')])
  for (const { payload } of [first, second]) {
    t.match(payload, { offset: 3, snapshot: { offset: 1, state: { text: String, seqs: Array } } }, 'filled once')
  }
})

t.test('mock: it sends a message of each type in turn, at the interval of its clock', async (t) => {
  const clock = new FakeClock()
  const mock = await serve(t, chat, { every: 1_000, clock })
  const { client } = await joined(t, mock.url, 'chat/lobby')
  await clock.advanceAsync(2_000)
  await client.next('message.posted')
  t.match((await client.next('typing.changed')).payload, { active: Boolean })
})

t.test('mock: each connection gets messages of the connection, an empty channel gets none', async (t) => {
  const quiet = defineChannel({ pattern: 'quiet', fromClient: {}, fromServer: {} })
  const mock = await serve(t, [notices, chat, quiet] as AnyChannel[])
  const clients = await Promise.all([TestClient.connect(mock.url), TestClient.connect(mock.url)])
  await clients[0]?.request('join', 'chat/lobby')
  await clients[0]?.request('leave', 'chat/lobby')
  await clients[0]?.request('join', 'quiet')
  await mock.push()
  for (const client of clients) t.type((await client.next('notice')).payload, 'string')
  t.strictSame(clients[0]?.log.filter(({ type }) => type === 'message.posted'), [])
  t.equal((await clients[0]?.request('hello'))?.type, 'ack')
  await clients[1]?.close()
  await mock.push()
  t.type((await clients[0]?.next('notice'))?.payload, 'string')
  clients[0]?.terminate()
})

t.test('mock: handlers take the place of answers, and see the user of any token', async (t) => {
  const mock = await serve(t, chat, {
    on: {
      'message.send': async (ctx, { text }) => {
        const { id, name } = ctx.user as unknown as { id: string, name: string }
        await ctx.broadcast('message.posted', { id: ctx.messageId, from: id, name, text, at: 0 })
        return { id: text }
      }
    }
  })
  const { client } = await joined(t, mock.url, 'chat/lobby')
  t.strictSame((await client.request('message.send', 'chat/lobby', { text: 'mine' })).payload, { id: 'mine' })
  t.match((await client.next('message.posted')).payload, { from: 'ann', name: 'ann', text: 'mine' })
  t.equal((await client.request('refresh', undefined, { token: 'any other' })).type, 'ack')
})

t.test('mock: an error of a handler is answered internal, and shown', async (t) => {
  const errors: unknown[] = []
  const failure = new Error('a mistake')
  const mock = await serve(t, chat, {
    on: { typing: () => { throw failure } }, onError: (error) => errors.push(error)
  })
  const { client } = await joined(t, mock.url, 'chat/lobby')
  t.match((await client.request('typing', 'chat/lobby', { active: true })).payload, { code: 'internal' })
  t.strictSame(errors, [failure])
})

t.test('mock: a token may travel in each of its places', async (t) => {
  const mock = await serve(t, chat, { users: 0 })
  const encoded = Buffer.from('é').toString('base64url')
  const places: ReadonlyArray<readonly [path: string, protocols: string[], user: string]> = [
    ['/?token=dev', [], 'dev'],
    ['/', ['fastify-channels.v1', 'bearer.eve'], 'eve'],
    ['/', ['fastify-channels.v1', `bearer64.${encoded}`], 'é'],
    ['/', ['other'], 'guest']
  ]
  for (const [path, protocols, user] of places) {
    const webSocket = new WebSocket(mock.url + path, protocols)
    const client = TestClient.over(webSocket)
    if (user === 'guest') {
      const { code } = await client.closed
      t.equal(code, 1006, 'no subprotocol is selected that a client did not offer')
      continue
    }
    await client.welcome
    const { payload } = await client.request('join', 'chat/lobby')
    t.match(payload, { presence: [{ user }] })
    await client.close()
  }
  const claims = Buffer.from(JSON.stringify({ sub: 7, name: 'Ann', role: 'admin' })).toString('base64url')
  t.strictSame(userOf(`header.${claims}.signature`), { sub: 7, id: '7', name: 'Ann', role: 'admin' })
  t.strictSame(userOf(undefined), { id: 'guest', name: 'guest' })
})

t.test('mock: pages of this machine may connect, others only where the option says so', async (t) => {
  const mock = await serve(t, chat)
  const open = await serve(t, chat, { origins: '*', host: 'localhost' })
  t.match(open.url, /^ws:\/\/localhost:\d+$/)
  const local = ['http://localhost:5173', 'https://127.0.0.1', 'http://[::1]:80']
  const foreign = ['https://example.com', 'http://localhost.example.com', 'null']
  const status = async (url: string, origin: string) =>
    TestClient.connect(url, [], { headers: { origin } }).then((client) => { client.terminate() }, (error: unknown) =>
      (error as UpgradeRefused).status)
  for (const origin of local) t.equal(await status(mock.url, origin), undefined, origin)
  for (const origin of foreign) t.equal(await status(mock.url, origin), 403, origin)
  t.equal(await status(open.url, 'https://example.com'), undefined)
  const asked = async (url: string, headers: Record<string, string>) => {
    const response = await fetch(url.replace('ws', 'http'), { headers })
    return [response.status, response.headers.get('access-control-allow-origin'), await response.json()]
  }
  t.match(await asked(mock.url, { origin: 'http://localhost:1' }), [426, 'http://localhost:1', { statusCode: 426 }])
  t.match(await asked(mock.url, {}), [426, null, {}])
  t.match(await asked(mock.url, { origin: 'https://example.com' }), [403, null, { message: /not allowed/ }])
})

t.test('mock: a broken frame closes the connection and not the mock', async (t) => {
  const mock = await serve(t, chat)
  const { client } = await joined(t, mock.url, 'chat/lobby')
  const { _socket: socket } = client.webSocket as unknown as { _socket: { write (bytes: Buffer): void } }
  socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff]))
  t.equal((await client.closed).code, 1002)
  await joined(t, mock.url, 'chat/lobby')
})

t.test('mock: a schema of which no example is found is refused at the start', async (t) => {
  const impossible = defineChannel({
    pattern: 'x', fromClient: {}, fromServer: { sent: { payload: Type.String({ pattern: '^(?!a)a$' }) } }
  })
  await t.rejects(mockServer(impossible), { code: 'FST_CHANNELS_CONTRACT', message: /no example .* in channel 'x'/ })
})

t.test('mock: it keeps the contract that it was made from', async (t) => {
  const mock = await serve(t, chat)
  for (const { name, run } of contractTests(mock.url, chat, { path: '/ws/chat', runs: 3, timeout: 60_000 })) {
    await t.resolves(run(), name)
  }
})
