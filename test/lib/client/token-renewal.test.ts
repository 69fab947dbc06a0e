import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import type { FakeWebSocket } from '../../../lib/testing/fake-web-socket.ts'
import { startDoc } from '../../support/doc-client.ts'

/** A token that expires at `exp`, in seconds. */
const jwt = (exp: number, name = 'é') => `e30.${Buffer.from(JSON.stringify({ exp, name })).toString('base64url')}.c2ln`

/** A client whose `token` gives one of `tokens` after the other. */
async function startWith (
  tokens: Array<string | Error | Promise<string>>, onError = (error: unknown): void => { throw error }
) {
  const given = [...tokens]
  const started = startDoc({
    onError,
    token: async () => {
      const token = await given.shift()
      if (typeof token === 'string') return token
      throw token ?? new Error('no more tokens')
    }
  })
  return { ...started, socket: await started.open() }
}

const refreshes = (socket: FakeWebSocket) =>
  socket.sent.filter(({ type }) => type === 'refresh').map(({ payload }) => payload)

/** The socket hears something now and then, or it would be taken for dead. */
async function passTime (
  { clock, socket }: Pick<Awaited<ReturnType<typeof startWith>>, 'clock' | 'socket'>, ms: number
) {
  for (let left = ms; left > 0; left -= 20_000) {
    clock.advance(Math.min(left, 20_000))
    socket.say({ type: 'moved' })
  }
  await setImmediate()
}

t.test('a new token is brought before the old one expires, again and again', async (t) => {
  const tokens = [jwt(100), jwt(1000), jwt(2000)]
  const started = await startWith(tokens)
  const { socket, client } = started
  await passTime(started, 89_999)
  t.strictSame(refreshes(socket), [])
  await passTime(started, 1)
  t.strictSame(refreshes(socket), [{ token: tokens[1] }], 'when a tenth of its time is left')
  t.notOk('channel' in socket.latest('refresh')!)
  socket.ack('refresh')
  await passTime(started, 1000_000 - 90_000 - 60_000 - 1)
  t.equal(refreshes(socket).length, 1)
  await passTime(started, 1)
  t.strictSame(refreshes(socket)[1], { token: tokens[2] }, 'a minute before at most')
  t.equal(client.state, 'open')
  socket.ack('refresh')
  client.close()
  t.equal(started.clock.pending, 0)
})

t.test('a refusal changes nothing: the server ends the connection when the token expires', async (t) => {
  const started = await startWith([jwt(100), jwt(200), jwt(300)])
  const { socket, clock, client, network, open } = started
  await passTime(started, 90_000)
  socket.refuse('refresh', { code: 'invalid_token', message: 'no' })
  await passTime(started, 10_000)
  t.equal(refreshes(socket).length, 1)
  socket.end(3000)
  t.equal(client.state, 'connecting')
  clock.advance(500)
  await open()
  t.equal(network.last.protocols[1], `bearer.${jwt(300)}`)
})

t.test('a token that cannot be had is reported, and changes nothing', async (t) => {
  const reported: unknown[] = []
  const offline = new Error('offline')
  const started = await startWith([jwt(100), offline], (error) => { reported.push(error) })
  await passTime(started, 90_000)
  t.strictSame(reported, [offline])
  t.equal(started.client.state, 'open')
  t.strictSame(refreshes(started.socket), [])
})

t.test('the same token again, or none, is not sent', async (t) => {
  for (const token of [jwt(100), '']) {
    const started = await startWith([jwt(100), token])
    await passTime(started, 100_000)
    t.strictSame(refreshes(started.socket), [])
  }
})

t.test('a token that comes when the connection is gone is not sent', async (t) => {
  let give: (token: string) => void = () => {}
  const started = await startWith([jwt(100), new Promise<string>((resolve) => { give = resolve }), jwt(300)])
  const { socket, clock, open } = started
  await passTime(started, 90_000)
  socket.end(1006)
  clock.advance(500)
  const next = await open()
  give(jwt(200))
  await setImmediate()
  t.strictSame([...refreshes(socket), ...refreshes(next)], [])
})

t.test('a token that does not say when it expires, or has already by this clock, is left alone', async (t) => {
  const texts = [
    'opaque',
    'a.%.c',
    `a.${Buffer.from('{}').toString('base64url')}.c`,
    `a.${Buffer.from('1').toString('base64url')}.c`,
    jwt(0)
  ]
  for (const token of texts) {
    const { clock } = await startWith([token])
    t.equal(clock.pending, 1, 'the watch for silence')
  }
})

t.test('a token that lasts longer than a timer can wait is renewed sooner', async (t) => {
  const days = 24 * 60 * 60
  const { clock, client } = await startWith([jwt(60 * days)])
  const waits: number[] = []
  t.capture(clock, 'setTimeout', (_fn: () => void, ms: number) => { waits.push(ms) })
  t.equal(client.state, 'open')
  const other = startDoc({ token: () => jwt(60 * days), clock })
  await other.open()
  t.ok(waits.includes(2 ** 31 - 1), String(waits))
})
