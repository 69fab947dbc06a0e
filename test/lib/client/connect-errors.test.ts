import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { ConnectError, StopConnecting, type ConnectOptions } from '../../../lib/client/index.ts'
import { joinDoc, noNetwork, startDoc } from '../../support/doc-client.ts'

interface Answer { readonly status: number, readonly body?: object }

/** A client whose server gives these answers to a `GET`, and refuses each WebSocket that the test fails. */
function startRefused (answers: readonly Answer[], options: ConnectOptions = {}) {
  const asked: Array<[url: unknown, authorization: unknown]> = []
  const left = [...answers]
  const fetch = async (url: unknown, init?: RequestInit): Promise<Response> => {
    asked.push([url, (init?.headers as Record<string, string>)['authorization']])
    const { status, body } = left.shift() ?? { status: 426 }
    return new Response(body && JSON.stringify(body), { status, statusText: 'from the status line' })
  }
  const started = startDoc({ fetch: fetch as typeof globalThis.fetch, ...options })
  const errors: ConnectError[] = []
  started.client.onConnectError((error) => errors.push(error))
  const fail = async () => {
    await setImmediate()
    started.network.last.fail()
    started.network.last.end(1006)
    await setImmediate()
  }
  return { ...started, asked, errors, fail }
}

t.test('connect error: the server says why, and the listener learns it', async (t) => {
  const body = { code: 'FST_CHANNELS_NO_SUCH_ROUTE', message: 'no such route' }
  const { client, asked, errors, fail } = startRefused([{ status: 404, body }])
  t.equal(client.lastError, undefined)
  await fail()
  t.strictSame(asked, [['https://api.test/ws', undefined]])
  t.match(errors, [{
    name: 'ConnectError',
    message: 'no such route (404 FST_CHANNELS_NO_SUCH_ROUTE)',
    status: 404,
    code: 'FST_CHANNELS_NO_SUCH_ROUTE',
    reason: 'no such route',
    close: { code: 1006 },
    willRetry: true,
    retryIn: 20_000
  }])
  t.ok(errors[0] instanceof ConnectError)
  t.equal(client.lastError, errors[0])
})

const waits: ReadonlyArray<readonly [name: string, answer: Answer, options: ConnectOptions, retryIn: number]> = [
  ['400', { status: 400 }, {}, 20_000],
  ['401 without a token function', { status: 401 }, {}, 20_000],
  ['401 with one, which may give another token', { status: 401 }, { token: () => 'a' }, 500],
  ['403', { status: 403 }, {}, 20_000],
  ['404', { status: 404 }, {}, 20_000],
  ['426', { status: 426 }, {}, 500],
  ['429 with retryAfter', { status: 429, body: { retryAfter: 5000 } }, {}, 5000],
  ['503 without', { status: 503, body: {} }, {}, 500]
]
for (const [name, answer, options, retryIn] of waits) {
  t.test(`connect error: after ${name} the next attempt is in ${retryIn} ms`, async (t) => {
    const { errors, fail, clock, network } = startRefused([answer], options)
    await fail()
    const reason = name === '404' ? 'no WebSocket route at this path' : 'from the status line'
    t.match(errors, [{ status: answer.status, code: 'refused', reason, retryIn }])
    clock.advance(retryIn - 1)
    await setImmediate()
    t.equal(network.sockets.length, 1)
    clock.advance(1)
    await setImmediate()
    t.equal(network.sockets.length, 2)
  })
}

t.test('connect error: each attempt is reported, and the server is asked once in 30 s', async (t) => {
  const { errors, fail, clock, asked } = startRefused([{ status: 503 }, { status: 401 }])
  for (const waitMs of [500, 1000, 2000]) {
    await fail()
    clock.advance(waitMs)
  }
  await fail()
  t.strictSame(errors.map(({ status }) => status), [503, 503, 503, 503])
  t.equal(asked.length, 1)
  clock.advance(30_000)
  await fail()
  t.equal(asked.length, 2)
  t.equal(errors.at(-1)?.status, 401)
})

t.test('connect error: an open connection forgets the reason', async (t) => {
  const { client, fail, clock, network, asked } = startRefused([{ status: 503 }])
  await fail()
  clock.advance(500)
  await setImmediate()
  network.last.accept()
  t.equal(client.lastError, undefined)
  network.last.end(1006)
  clock.advance(1000)
  await fail()
  t.equal(asked.length, 2, 'the server is asked again')
})

t.test('connect error: a loss of an open connection is none', async (t) => {
  const { socket, client, states } = await joinDoc()
  client.onConnectError(() => t.fail('it was open'))
  socket.end(1006)
  await setImmediate()
  t.equal(states.at(-1), 'connecting')
})

t.test('connect error: without an answer the reason names the possibilities', async (t) => {
  const { errors, fail } = startRefused([], { fetch: noNetwork })
  await fail()
  t.match(errors, [{ status: undefined, code: 'connection_failed', reason: /cannot be reached, .* origin .*, or CORS/ }])
})

t.test('connect error: the question carries the token, whatever its characters', async (t) => {
  for (const [token, protocol, header] of [
    ['a.b-c', 'bearer.a.b-c', 'Bearer a.b-c'],
    ['é/=', 'bearer64.w6kvPQ', 'Bearer64 w6kvPQ'],
    ['\u00fb\u00ff', 'bearer64.w7vDvw', 'Bearer64 w7vDvw']
  ] as const) {
    const { asked, fail, network } = startRefused([], { token: () => token })
    await fail()
    t.equal(network.last.protocols[1], protocol)
    t.equal(asked[0]?.[1], header)
  }
})

t.test('connect error: a token that fails is reported with its error, and the server is not asked', async (t) => {
  const broken = new Error('no session')
  const { errors, asked } = startRefused([], { token: () => { throw broken } })
  await setImmediate()
  t.match(errors, [{ reason: "the option 'token' failed: Error: no session", willRetry: true }])
  t.equal(errors[0]?.close.reason, errors[0]?.reason)
  t.equal(errors[0]?.cause, broken)
  t.strictSame(asked, [])
})

for (const [name, token] of Object.entries({
  throws: () => { throw new StopConnecting('logged out') },
  returns: () => new StopConnecting('logged out')
})) {
  t.test(`connect error: a token that ${name} StopConnecting closes the client until open()`, async (t) => {
    let source: NonNullable<ConnectOptions['token']> = token
    const { client, errors, states, clock, network } = startRefused([], { token: () => source() })
    const closes: unknown[] = []
    client.onState((_, close) => closes.push(close))
    await t.rejects(client.join('doc/:id', { id: '1' }, { onResync: 'ignore' }), {
      code: 'closed', message: /logged out/, cause: { name: 'ConnectError' }
    })
    t.match(errors, [{ reason: 'logged out', willRetry: false, retryIn: 0 }])
    t.strictSame(states, ['closed'])
    t.strictSame(closes, [{ code: 1000, reason: 'logged out' }])
    t.equal(clock.pending, 0)
    source = () => 'abc'
    client.open()
    await setImmediate()
    t.equal(network.last.protocols[1], 'bearer.abc')
  })
}

t.test('connect error: a join, a send and ready() that give up say why', async (t) => {
  const body = { code: 'FST_CHANNELS_UNAUTHENTICATED', message: 'no token' }
  const { client, fail, clock } = startRefused([{ status: 401, body }], { timeout: 1000 })
  const calls: Record<string, Promise<unknown>> = {
    timeout: client.join('doc/:id', { id: '1' }, { onResync: 'ignore' }),
    disconnected: client.ready()
  }
  await fail()
  clock.advance(1000)
  for (const [code, call] of Object.entries(calls)) {
    await t.rejects(async () => { await call }, { code, message: /no token \(401 FST/, cause: { status: 401 } })
  }
})

t.test('connect error: no attempt follows before the server has said why', async (t) => {
  for (const [status, waitMs] of [[403, 20_000], [503, 0]] as const) {
    let answer: (response: Response) => void = () => {}
    const fetch = () => new Promise<Response>((resolve) => { answer = resolve })
    const { client, network, clock } = startDoc({ fetch, random: () => 0.3333 })
    const errors: ConnectError[] = []
    client.onConnectError((error) => errors.push(error))
    await setImmediate()
    network.last.end(1006)
    clock.advance(3000)
    await setImmediate()
    t.equal(network.sockets.length, 1, 'the wait is over, the answer is not there')
    answer(new Response('', { status }))
    await setImmediate()
    t.match(errors, [{ status, retryIn: waitMs }])
    clock.advance(waitMs)
    await setImmediate()
    t.equal(network.sockets.length, 2)
    network.last.end(1006)
    await setImmediate()
    t.ok(Number.isInteger(errors[1]?.retryIn), 'a whole number of milliseconds')
  }
})

/** The server answers the plain GET when `answer` is called. */
function startUnanswered () {
  const window = new EventTarget()
  let resolveFetch: (response: Response) => void = () => {}
  const fetch = () => new Promise<Response>((resolve) => { resolveFetch = resolve })
  const answer = (response: Response) => resolveFetch(response)
  return { ...startDoc({ fetch, networkEvents: window as never }), window, answer }
}

t.test('connect error: without an answer an event of the network ends the wait, or 10 s more', async (t) => {
  const { network, clock, client, window, answer } = startUnanswered()
  const errors: ConnectError[] = []
  client.onConnectError((error) => errors.push(error))
  await setImmediate()
  network.last.end(1006)
  window.dispatchEvent(new Event('online'))
  await setImmediate()
  t.equal(network.sockets.length, 2)
  network.last.end(1006)
  clock.advance(1000 + 9_999)
  await setImmediate()
  t.equal(network.sockets.length, 2)
  clock.advance(1)
  await setImmediate()
  t.equal(network.sockets.length, 3)
  answer(new Response('', { status: 403 }))
  await setImmediate()
  t.match(errors, [{ status: 403, retryIn: 0 }, { status: 403, retryIn: 0 }], 'the next attempt is under way')
  client.close()
  t.equal(clock.pending, 0)
})

t.test('connect error: a reason that comes after the next attempt has succeeded is no lastError', async (t) => {
  const { network, client, window, answer } = startUnanswered()
  const errors: ConnectError[] = []
  client.onConnectError((error) => errors.push(error))
  await setImmediate()
  network.last.end(1006)
  window.dispatchEvent(new Event('online'))
  await setImmediate()
  network.last.accept()
  answer(new Response('', { status: 503 }))
  await setImmediate()
  t.match(errors, [{ status: 503, retryIn: 0 }])
  t.equal(client.lastError, undefined)
})

t.test('connect error: a report that comes after the client was closed is dropped', async (t) => {
  const { client, errors, network } = startRefused([{ status: 404 }])
  await setImmediate()
  network.last.end(1006)
  client.close()
  await setImmediate()
  t.strictSame(errors, [])
})
