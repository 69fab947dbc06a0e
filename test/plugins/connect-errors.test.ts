import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { connect, type ConnectError, type ConnectOptions } from '../../lib/client/index.ts'
import { FakeClock } from '../../lib/testing/fake-clock.ts'
import { defineChannel, implement, type ChannelsOptions } from '../../plugins/channels.ts'
import { listen, makeApp } from '../support/serve.ts'

const news = defineChannel({ pattern: 'news', fromClient: {}, fromServer: {} })

/**
 * A client whose clock stands still: on a busy machine, the wait for its next attempt would be over before it knows why
 * the last one failed.
 */
const still = () => ({ WebSocket, clock: new FakeClock() })

/** The first failure of a client that connects to `path` of a server with these options. */
async function failureOf (
  t: Test, serverOptions: ChannelsOptions, { path = '/ws', ...options }: ConnectOptions & { path?: string } = {}
): Promise<ConnectError> {
  const { app, sink } = await makeApp(t, serverOptions)
  const route = 'identify' in serverOptions ? {} : { public: true }
  app.ws('/ws', route, [implement(news, { authorize: () => true, on: {} })])
  const { url } = await listen(app, sink)
  const client = connect(url + path, { ...still(), ...options })
  t.teardown(() => client.close())
  return new Promise((resolve) => client.onConnectError(resolve))
}

/** A `ws` that adds a header, which a `GET` of the client lacks. */
class Foreign extends WebSocket {
  constructor (url: string, protocols: string[]) {
    super(url, protocols, { headers: { origin: 'https://evil.example' } })
  }
}

t.test('connect errors: a real server says why it refuses', async (t) => {
  const identify = async () => undefined
  t.match(await failureOf(t, { identify }), { status: 401, code: 'FST_CHANNELS_UNAUTHENTICATED', retryIn: 20_000 })
  t.match(await failureOf(t, {}, { path: '/nowhere' }), {
    status: 404, code: 'refused', reason: 'no WebSocket route at this path', retryIn: 20_000
  })
  t.match(await failureOf(t, {}, { WebSocket: Foreign }), {
    status: 403,
    code: 'refused',
    reason: 'the server refuses the origin or another header of this client',
    retryIn: 20_000
  })
})

t.test('connect errors: a connection above the quota waits for retryAfter', async (t) => {
  const { app, sink } = await makeApp(t, { limits: { perIp: 1 } })
  app.ws('/ws', { public: true }, [implement(news, { authorize: () => true, on: {} })])
  const { url } = await listen(app, sink)
  const [first, second] = [connect(`${url}/ws`, still()), connect(`${url}/ws`, still())]
  t.teardown(() => [first, second].forEach((client) => client.close()))
  const error = await Promise.race([first, second].map((client) => new Promise<ConnectError>((resolve) => {
    client.onConnectError(resolve)
  })))
  t.match(error, { status: 429, code: 'FST_CHANNELS_TOO_MANY_CONNECTIONS', willRetry: true })
  t.ok(error.retryAfter && error.retryIn >= error.retryAfter - 50, 'the server is asked again after its retryAfter')
})

t.test('connect errors: an absent server has no status', async (t) => {
  const client = connect('ws://127.0.0.1:1/ws', { WebSocket })
  t.teardown(() => client.close())
  const error = await new Promise((resolve) => client.onConnectError(resolve))
  const reason = 'the server cannot be reached (connect ECONNREFUSED 127.0.0.1:1)'
  t.match(error, { status: undefined, reason })
})
