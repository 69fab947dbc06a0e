import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import type { TInteger, TNumber, TObject, TString } from '@sinclair/typebox'
import t from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import {
  connect, RequestError, type CloseInfo, type ConnectOptions, type ClientState
} from '../../../lib/client/index.ts'
import { systemClock } from '../../../lib/client/transport/system-clock.ts'
import { errorMessages } from '../../../lib/protocol/errors.ts'
import type { ConnectionContract } from '../../../lib/contract/define-channel.ts'
import { FakeClock } from '../../../lib/testing/fake-clock.ts'
import { FakeNetwork } from '../../../lib/testing/fake-web-socket.ts'
import { noNetwork } from '../../support/doc-client.ts'

type Desk = ConnectionContract<{
  fromClient: {
    ask: { payload: TString, reply: TNumber, errors: { busy: TObject<{ until: TInteger }> } }
    knock: {}
  }
  fromServer: { notice: { payload: TString } }
}>

const url = 'wss://api.test/ws'

/** A client whose waits are the longest that the jitter allows. */
function start (options: ConnectOptions = {}) {
  const clock = new FakeClock()
  const network = new FakeNetwork()
  const defaults = { WebSocket: network.WebSocket, fetch: noNetwork, clock, random: () => 1 }
  const client = connect<Desk>(url, { ...defaults, ...options })
  const states: ClientState[] = []
  client.onState((state) => states.push(state))
  const open = async () => {
    await setImmediate()
    network.last.accept()
    return network.last
  }
  return { clock, network, client, states, open }
}

async function startOpen (options: ConnectOptions = {}) {
  const started = start(options)
  await setImmediate()
  started.network.last.accept()
  return started
}

t.test('client: connecting', async (t) => {
  t.test('offers the subprotocol, and is open when the server accepts', async (t) => {
    const { network, client, states } = start()
    t.equal(client.state, 'connecting')
    await setImmediate()
    t.match(network.last, { url, protocols: ['fastify-channels.v1'] })
    network.last.accept()
    t.equal(client.state, 'open')
    t.strictSame(states, ['open'])
  })

  t.test('a token travels as a subprotocol, since a browser can set no header', async (t) => {
    const { network } = start({ token: async () => 'abc' })
    await setImmediate()
    t.strictSame(network.last.protocols, ['fastify-channels.v1', 'bearer.abc'])
  })

  t.test('an empty token stands for none', async (t) => {
    const { network } = start({ token: () => '' })
    await setImmediate()
    t.strictSame(network.last.protocols, ['fastify-channels.v1'])
  })

  t.test('every attempt asks for a token of its own', async (t) => {
    let calls = 0
    const { network, clock } = await startOpen({ token: () => `t${++calls}` })
    network.last.end(3000, 'the token expired')
    clock.advance(500)
    await setImmediate()
    t.strictSame(network.sockets.map(({ protocols }) => protocols[1]), ['bearer.t1', 'bearer.t2'])
  })

  t.test('a token that fails is a failed attempt', async (t) => {
    const reported: unknown[] = []
    const offline = new Error('offline')
    const { network, clock, client } = start({ token: () => Promise.reject(offline), onError: (e) => reported.push(e) })
    await setImmediate()
    t.strictSame(reported, [offline])
    t.equal(client.state, 'connecting')
    t.equal(clock.next, 500)
    clock.advance(500)
    await setImmediate()
    t.equal(reported.length, 2)
    t.equal(clock.next, 1000)
    t.equal(network.sockets.length, 0)
  })

  t.test('without onError a failed attempt is only followed by another', async (t) => {
    const { clock } = start({ token: () => { throw new Error('offline') } })
    await setImmediate()
    t.equal(clock.next, 500)
  })

  t.test('a WebSocket constructor that throws is a failed attempt', async (t) => {
    const reported: unknown[] = []
    class Refusing { constructor () { throw new SyntaxError('a token with a space') } }
    const { clock } = start({ WebSocket: Refusing as never, onError: (e) => reported.push(e) })
    await setImmediate()
    t.match(reported, [{ name: 'SyntaxError' }])
    t.equal(clock.next, 500)
  })

  t.test('a token that takes longer than 10 s is not waited for', async (t) => {
    const resolvers: Array<(token: string) => void> = []
    const { network, clock } = start({ token: () => new Promise((resolve) => resolvers.push(resolve)) })
    clock.advance(9_999)
    t.equal(resolvers.length, 1)
    clock.advance(1 + 500)
    t.equal(resolvers.length, 2)
    resolvers[0]?.('late')
    resolvers[1]?.('in.time')
    await setImmediate()
    t.strictSame(network.sockets.map(({ protocols }) => protocols[1]), ['bearer.in.time'])
  })

  t.test('a token that fails after 10 s is ignored', async (t) => {
    const rejecters: Array<(error: Error) => void> = []
    const reported: unknown[] = []
    const token = () => new Promise<string>((_resolve, reject) => rejecters.push(reject))
    const { clock } = start({ token, onError: (error) => reported.push(error) })
    clock.advance(10_000)
    rejecters[0]?.(new Error('late'))
    await setImmediate()
    t.match(reported, [{ message: 'no token within 10 s' }], 'the late error is not reported')
    t.equal(clock.pending, 1)
  })

  t.test('a connection that neither opens nor fails within 10 s has failed', async (t) => {
    const { network, clock } = start()
    await setImmediate()
    clock.advance(9_999)
    t.equal(network.last.closedWith, undefined)
    clock.advance(1)
    t.equal(network.last.closedWith, 3008)
    t.equal(clock.next, 500)
  })

  t.test('without a WebSocket it says what to do', (t) => {
    const platform = globalThis.WebSocket
    t.teardown(() => { globalThis.WebSocket = platform })
    Reflect.set(globalThis, 'WebSocket', undefined)
    t.throws(() => connect(url), { name: 'TypeError', message: /package 'ws'/ })
    t.end()
  })

  t.test('the global WebSocket, clock and randomness are the default, also of undefined options', async (t) => {
    const platform = globalThis.WebSocket
    t.teardown(() => { globalThis.WebSocket = platform })
    const network = new FakeNetwork()
    Reflect.set(globalThis, 'WebSocket', network.WebSocket)
    const nothing = {
      token: undefined,
      WebSocket: undefined,
      fetch: undefined,
      autoConnect: undefined,
      timeout: undefined,
      pending: undefined,
      onError: undefined,
      networkEvents: undefined,
      contract: undefined,
      clock: undefined,
      random: undefined
    } satisfies Required<ConnectOptions>
    const client = connect(url, nothing)
    t.teardown(() => client.close())
    await setImmediate()
    network.last.accept()
    t.equal(client.state, 'open')
  })

  t.test('in a browser the URL may be relative to the page', async (t) => {
    t.teardown(() => Reflect.deleteProperty(globalThis, 'location'))
    Reflect.set(globalThis, 'location', { href: 'https://app.test/chat/' })
    const network = new FakeNetwork()
    t.teardown(() => client.close())
    const client = connect('/ws/chat', { WebSocket: network.WebSocket })
    await setImmediate()
    t.equal(network.last.url, 'wss://app.test/ws/chat')
  })

  t.test('a URL that leads to no WebSocket is refused at once', (t) => {
    const { WebSocket } = new FakeNetwork()
    t.throws(() => connect('ws', { WebSocket }), { name: 'TypeError', message: /connect to 'ws': pass a ws: or wss: URL/ })
    t.throws(() => connect(url, { WebSocket, token: 'abc' as never }), {
      name: 'TypeError', message: "'token' is no function: pass { token: () => token }"
    })
    t.throws(() => connect('wss://api.test/ws#top', { WebSocket }), { name: 'TypeError', message: /fragment/ })
    t.throws(() => connect('ftp://api.test/ws', { WebSocket }), { name: 'TypeError', message: /ftp:/ })
    t.end()
  })
})

t.test('client: reconnecting', async (t) => {
  const policies = {
    1001: 'reconnect',
    1005: 'reconnect',
    1006: 'reconnect',
    1011: 'reconnect',
    1012: 'reconnect',
    3000: 'reconnect',
    1000: 'stay away',
    1003: 'stay away',
    1008: 'stay away',
    1009: 'stay away',
    3003: 'stay away'
  }
  for (const [code, policy] of Object.entries(policies)) {
    t.test(`${code}: ${policy}`, async (t) => {
      const { network, clock, client } = await startOpen()
      network.last.end(Number(code))
      t.equal(client.state, policy === 'reconnect' ? 'connecting' : 'closed')
      clock.advance(500)
      await setImmediate()
      t.equal(network.sockets.length, policy === 'reconnect' ? 2 : 1)
    })
  }

  t.test('a listener learns how the connection ended', async (t) => {
    const { network, client } = await startOpen()
    const seen: Array<[ClientState, CloseInfo | undefined]> = []
    client.onState((...state) => seen.push(state))
    network.last.end(3003, 'disconnected by the server')
    t.strictSame(seen, [['closed', { code: 3003, reason: 'disconnected by the server' }]])
  })

  t.test('a close without a code is reported as 1006', async (t) => {
    const { network, client } = await startOpen()
    const seen: Array<CloseInfo | undefined> = []
    client.onState((_, close) => seen.push(close))
    network.last.end()
    t.strictSame(seen, [{ code: 1006, reason: '' }])
  })

  t.test('an error alone changes nothing: its close follows', async (t) => {
    const { network, client } = await startOpen()
    network.last.fail()
    t.equal(client.state, 'open')
  })

  t.test('the bound of the wait doubles from 0.5 s to 20 s', async (t) => {
    const { network, clock } = await startOpen()
    const waits = []
    for (let i = 0; i < 8; i++) {
      network.last.end(1006)
      waits.push(clock.next)
      clock.advance(clock.next ?? 0)
      await setImmediate()
    }
    t.strictSame(waits, [500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000])
  })

  t.test('the wait is a random part of that', async (t) => {
    const { network, clock } = await startOpen({ random: () => 0.25 })
    network.last.end(1012)
    t.equal(clock.next, 125)
  })

  t.test('a connection that opens and closes at once counts as one more failure', async (t) => {
    const { network, clock } = await startOpen()
    network.last.end(1011)
    clock.advance(500)
    await setImmediate()
    network.last.accept()
    network.last.end(1011)
    t.equal(clock.next, 1000)
  })

  t.test('one that was open for 10 s makes the failures before it forgotten', async (t) => {
    const { network, clock } = await startOpen()
    network.last.end(1011)
    clock.advance(500)
    await setImmediate()
    network.last.accept()
    clock.advance(10_000)
    network.last.end(1011)
    t.equal(clock.next, 500)
  })
})

t.test('client: liveness', async (t) => {
  t.test('25 s of silence are ended by a ping', async (t) => {
    const { network, clock } = await startOpen()
    clock.advance(24_999)
    t.strictSame(network.last.sent, [])
    clock.advance(1)
    t.match(network.last.sent, [{ type: 'ping', correlationId: String }])
    network.last.ack('ping')
    clock.advance(24_999)
    t.equal(network.last.sent.length, 1)
  })

  t.test('any frame restarts the 25 s of silence', async (t) => {
    const { network, clock, client } = await startOpen()
    clock.advance(20_000)
    network.last.frame('?')
    clock.advance(24_999)
    t.strictSame(network.last.sent, [])
    clock.advance(1 + 9_999)
    network.last.say({ type: 'notice', payload: 'still here' })
    clock.advance(1)
    t.equal(client.state, 'open')
  })

  t.test('no answer within 10 s: connects anew, whenever the close event may come', async (t) => {
    const { network, clock, client, states } = await startOpen()
    clock.advance(25_000 + 10_000)
    t.equal(client.state, 'connecting')
    t.equal(network.last.closedWith, 3008)
    clock.advance(500)
    await setImmediate()
    t.equal(network.sockets.length, 2)
    network.last.accept()
    network.sockets[0]?.end(1006)
    network.sockets[0]?.say({ type: 'notice', payload: 'after the close' })
    t.strictSame(states, ['open', 'connecting', 'open'])
  })
})

t.test('client: requests', async (t) => {
  t.test('an ack resolves the request that it answers', async (t) => {
    const { network, client } = await startOpen()
    const first = client.send('ask', 'one')
    const [one] = network.last.sent
    const second = client.send('ask', 'two')
    network.last.ack('ask', 2)
    network.last.say({ ...one, type: 'ack', payload: 1 })
    t.strictSame(await Promise.all([first, second]), [1, 2])
    t.match(network.last.sent, [{ type: 'ask', payload: 'one' }, { type: 'ask', payload: 'two' }])
    t.not(network.last.sent[0]?.correlationId, network.last.sent[1]?.correlationId)
    t.notOk('channel' in network.last.sent[0]!)
  })

  t.test('a message without payload, and an ack without one', async (t) => {
    const { network, client } = await startOpen()
    const knock = client.send('knock')
    t.strictSame(Object.keys(network.last.sent[0]!), ['type', 'correlationId'])
    network.last.ack('knock')
    t.equal(await knock, undefined)
  })

  t.test('an error rejects it, with all that the server says', async (t) => {
    const { network, client } = await startOpen()
    const asked = client.send('ask', 'one')
    network.last.refuse('ask', { code: 'busy', message: 'later', details: { until: 7 }, retryAfter: 100 })
    const error = await asked.catch((e) => e)
    t.type(error, RequestError)
    t.match(
      error,
      {
        code: 'busy',
        message: "'ask' failed with busy: later; try again in 100 ms",
        data: { until: 7 },
        retryAfter: 100,
        type: 'ask',
        channel: undefined
      }
    )
  })

  t.test('the text of an invalid payload says where it is', async (t) => {
    const { network, client } = await startOpen()
    for (const [path, where] of [['/text', ' /text'], ['', '']]) {
      const asked = client.send('ask', 'one')
      const details = { path, message: 'Expected string' }
      network.last.refuse('ask', { code: 'invalid_payload', message: 'it does not match', details })
      const message = `'ask' failed with invalid_payload: it does not match:${where} Expected string`
      await t.rejects(asked, { message, data: details })
    }
  })

  t.test('a reply that nobody waits for is ignored', async (t) => {
    const { network, client } = await startOpen()
    network.last.say({ type: 'ack', correlationId: 'x' })
    network.last.say({ type: 'error', correlationId: 'x' })
    network.last.say({ type: 'error', payload: { code: 'invalid_payload' } })
    t.equal(client.state, 'open')
  })

  t.test('a request without a reply fails with timeout after 35 s', async (t) => {
    const { network, clock, client } = await startOpen()
    const asked = client.send('ask', 'one')
    clock.advance(25_000)
    network.last.ack('ping')
    clock.advance(9_999)
    t.equal(client.state, 'open')
    clock.advance(1)
    await t.rejects(asked, { code: 'timeout' })
    network.last.ack('ask', 1)
  })

  t.test('a request fails with timeout after the option timeout', async (t) => {
    const { clock, client } = await startOpen({ timeout: 1000 })
    const asked = client.send('ask', 'one')
    clock.advance(1000)
    await t.rejects(asked, { code: 'timeout' })
  })

  t.test('a lost connection rejects what is under way: its outcome is unknown', async (t) => {
    const { network, client } = await startOpen()
    const asked = client.send('ask', 'one')
    network.last.end(1006)
    await t.rejects(asked, { code: 'disconnected', message: /unknown/ })
  })

  t.test('before the first connection it waits, and is sent when that is open', async (t) => {
    const { client, open } = start()
    const asked = client.send('ask', 'one')
    const socket = await open()
    t.match(socket.sent, [{ type: 'ask', payload: 'one' }])
    socket.ack('ask', 1)
    t.equal(await asked, 1)
  })

  t.test('without a connection for 35 s it was not sent, and says so', async (t) => {
    const { client, clock } = start()
    const asked = client.send('ask', 'one')
    clock.advance(35_000)
    await t.rejects(asked, { code: 'disconnected', message: /not sent/ })
  })

  t.test('after a lost connection it rejects at once: it was not sent', async (t) => {
    const { client, network } = await startOpen()
    network.last.end(1006)
    await t.rejects(client.send('ask', 'one'), { code: 'disconnected', message: /not sent/ })
  })

  t.test('at most `pending` messages wait', async (t) => {
    const { client, open } = start({ pending: 2 })
    const abort = new AbortController()
    const asked = [client.send('ask', '1'), client.send('ask', '2', { signal: abort.signal })]
    await t.rejects(client.send('ask', '3'), { code: 'too_many_pending' })
    abort.abort(new Error('enough'))
    await t.rejects(asked[1]!, { message: 'enough' })
    asked.push(client.send('ask', '4'))
    const socket = await open()
    t.match(socket.sent, [{ payload: '1' }, { payload: '4' }], 'an aborted message is not sent')
    t.equal(socket.sent.length, 2)
  })

  t.test('what cannot be written as JSON is refused, and nothing is left of it', async (t) => {
    const { network, clock, client } = await startOpen()
    const before = clock.pending
    await t.rejects(client.send('ask', 1n as never), { code: 'invalid_payload', cause: { name: 'TypeError' } })
    t.match(await client.trySend('ask', 1n as never), { ok: false, error: { code: 'invalid_payload' } })
    t.equal(clock.pending, before)
    t.strictSame(network.last.sent, [])
  })

  t.test('trySend resolves with the reply or the failure', async (t) => {
    const { network, client } = await startOpen()
    const good = client.trySend('ask', 'one')
    network.last.ack('ask', 1)
    t.strictSame(await good, { ok: true, reply: 1 })
    const bad = client.trySend('ask', 'two')
    network.last.refuse('ask', { code: 'busy', message: 'later' })
    t.match(await bad, { ok: false, error: { code: 'busy' } })
  })

  t.test('isError knows the errors that the message declares', async (t) => {
    const { network, client } = await startOpen()
    const failed = (code: string, message = code, details?: object) => {
      const asked = client.send('ask', 'one')
      network.last.refuse('ask', { code, message, details })
      return asked.catch((e: unknown) => e)
    }
    const busy = await failed('busy')
    t.ok(client.isError(busy, 'ask'))
    t.ok(client.isError(await failed('busy', 'busy', { path: '/etc' }), 'ask'), 'its data may have a path')
    t.ok(client.isError(busy, 'ask', 'busy'))
    t.notOk(client.isError(busy, 'knock'), 'of another message')
    t.notOk(client.isError(await failed('tired'), 'ask', 'busy'), 'another error')
    for (const [code, message] of Object.entries(errorMessages)) {
      t.notOk(client.isError(await failed(code, message), 'ask'), 'of the catalogue')
    }
    t.notOk(client.isError(await failed('disconnected', 'lost'), 'ask'), "the client's own")
    t.notOk(client.isError(new Error('busy'), 'ask'), 'any other error')
  })
})

t.test('client: messages of the server', async (t) => {
  t.test('reach those who listen for their type, until they no longer do', async (t) => {
    const { network, client } = await startOpen()
    const seen: string[] = []
    const off = client.on('notice', (text) => seen.push(`a ${text}`))
    client.on('notice', (text) => seen.push(`b ${text}`))
    network.last.say({ type: 'notice', payload: '1' })
    off()
    off()
    network.last.say({ type: 'notice', payload: '2' })
    network.last.say({ type: 'unheard of' })
    t.strictSame(seen, ['a 1', 'b 1', 'b 2'])
  })

  t.test('also across a reconnect', async (t) => {
    const { network, clock, client } = await startOpen()
    const seen: string[] = []
    client.on('notice', (text) => seen.push(text))
    network.last.end(1006)
    clock.advance(500)
    await setImmediate()
    network.last.accept()
    network.last.say({ type: 'notice', payload: 'hello again' })
    t.strictSame(seen, ['hello again'])
  })

  t.test('a function subscribed twice is called twice, and unsubscribed one by one', async (t) => {
    const { network, client } = await startOpen()
    let calls = 0
    const listener = () => { calls++ }
    const off = client.on('notice', listener)
    client.on('notice', listener)
    network.last.say({ type: 'notice' })
    off()
    network.last.say({ type: 'notice' })
    t.equal(calls, 3)
  })

  t.test('a listener unsubscribed by another is not called any more', async (t) => {
    const { network, client } = await startOpen()
    client.on('notice', () => off())
    const off = client.on('notice', () => t.fail('unsubscribed'))
    network.last.say({ type: 'notice' })
  })

  t.test('a listener that throws is reported, and disturbs nobody', async (t) => {
    const reported: unknown[] = []
    const { network, client } = await startOpen({ onError: (error) => reported.push(error) })
    const bug = new Error('bug')
    const seen: string[] = []
    client.on('notice', () => { throw bug })
    client.on('notice', (text) => seen.push(text))
    network.last.say({ type: 'notice', payload: '1' })
    t.strictSame(seen, ['1'])
    await setImmediate()
    t.strictSame(reported, [bug])
    t.equal(client.state, 'open')
  })

  t.test('without onError it becomes an uncaught error, outside of the client', async (t) => {
    const { network, client } = await startOpen()
    const deferred = t.capture(globalThis, 'queueMicrotask', () => {})
    client.on('notice', () => { throw new Error('bug') })
    network.last.say({ type: 'notice' })
    const [throwing] = deferred()[0]?.args as [() => void]
    t.throws(throwing, { message: 'bug' })
  })

  const malformed = {
    'not JSON': '{',
    binary: new Uint8Array([123, 125]),
    null: 'null',
    'a number': '1',
    'a list': '[]',
    'without a type': '{}',
    'a type that is no string': '{"type":1}',
    'a channel that is none': '{"type":"notice","channel":{}}',
    'a channel that nobody joined': '{"type":"notice","channel":"x"}'
  }
  for (const [name, data] of Object.entries(malformed)) {
    t.test(`it harms only itself: ${name}`, async (t) => {
      const { network, client } = await startOpen()
      client.on('notice', (payload) => t.equal(payload, 'the next one'))
      network.last.frame(data)
      network.last.say({ type: 'notice', payload: 'the next one' })
      await setImmediate()
      t.equal(client.state, 'open')
    })
  }
})

t.test('client: closing', async (t) => {
  t.test('closes with 1000, rejects pending requests, and has no timer left', async (t) => {
    const { network, clock, client, states } = await startOpen()
    const asked = client.send('ask', 'one')
    client.close()
    await t.rejects(asked, { code: 'closed' })
    await t.rejects(client.send('ask', 'two'), { code: 'closed' })
    t.equal(network.last.closedWith, 1000)
    t.equal(clock.pending, 0)
    client.close()
    t.strictSame(states, ['open', 'closed'])
  })

  t.test('while it waits for a token', async (t) => {
    const { network, clock, client } = start({ token: async () => 'abc' })
    client.close()
    await setImmediate()
    t.equal(network.sockets.length, 0)
    t.equal(clock.pending, 0)
  })

  t.test('while it waits to reconnect', async (t) => {
    const { network, clock, client } = await startOpen()
    network.last.end(1006)
    client.close()
    t.equal(clock.pending, 0)
    t.equal(client.state, 'closed')
  })

  t.test('by a listener, in the middle of opening', async (t) => {
    const { network, clock, client } = start()
    client.onState(() => client.close())
    await setImmediate()
    network.last.accept()
    t.equal(client.state, 'closed')
    t.equal(clock.pending, 0)
  })

  t.test('a server that wants it to stay away rejects what is under way, and says why', async (t) => {
    const { network, clock, client } = await startOpen()
    const asked = client.send('ask', 'one')
    network.last.end(1008, 'too many invalid messages')
    await t.rejects(
      asked, { code: 'closed', message: /closed with 1008 before the reply: too many invalid messages; .* unknown/ }
    )
    t.equal(clock.pending, 0)
  })
})

t.test('with ws on both ends', async (t) => {
  t.test('a request, its reply, and the end', async (t) => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'fastify-channels.v1' })
    t.teardown(() => server.close())
    await once(server, 'listening')
    server.on('connection', (socket) => {
      const welcome = { connectionId: 'a', limits: { messageBytes: 1000 }, patterns: [] }
      socket.send(JSON.stringify({ type: 'welcome', payload: welcome }))
      socket.on('message', (data) => {
        const { correlationId } = JSON.parse(String(data))
        socket.send(JSON.stringify({ type: 'ack', correlationId, payload: 42 }))
        socket.close(1000)
      })
    })
    const { port } = server.address() as { port: number }
    const client = connect<Desk>(`ws://127.0.0.1:${port}`, { WebSocket })
    const state = () => new Promise((resolve) => client.onState(resolve))
    t.equal(await state(), 'open')
    const closed = state()
    t.equal(await client.send('ask', 'what is it?'), 42)
    t.equal(await closed, 'closed')
  })

  t.test('closed before it opened: no uncaught error', async (t) => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    t.teardown(() => server.close())
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const made: WebSocket[] = []
    const client = connect(`ws://127.0.0.1:${port}`, {
      WebSocket: class extends WebSocket {
        constructor (...args: [string, string[]]) {
          super(...args)
          made.push(this)
        }
      }
    })
    await setImmediate()
    client.close()
    const [socket] = made
    if (socket) await new Promise((resolve) => socket.addEventListener('close', resolve))
    t.equal(socket?.readyState, WebSocket.CLOSED)
  })
})

t.test('the fake network has no socket before somebody connects', async (t) => {
  t.throws(() => new FakeNetwork().last)
})

t.test("the platform's clock", async (t) => {
  t.ok(Math.abs(systemClock.now() - Date.now()) < 1000)
  systemClock.clearTimeout(systemClock.setTimeout(() => t.fail('cleared'), 0))
  await new Promise<void>((resolve) => systemClock.setTimeout(resolve, 0))
})
