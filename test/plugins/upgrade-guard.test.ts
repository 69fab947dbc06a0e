import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import fastify from 'fastify'
import t from 'tap'
import { FakeClock } from '../../lib/testing/fake-clock.ts'
import { TestClient } from '../../lib/testing/test-client.ts'
import { channels } from '../../plugins/channels.ts'
import { secret } from '../support/serve.ts'

t.test('an upgrade that nobody answers or ends is ended at its deadline', async (t) => {
  const clock = new FakeClock()
  const app = fastify()
  t.teardown(() => app.close())
  // Before the plugin, where @fastify/websocket does not know of the upgrade yet and does not close its socket.
  app.addHook('onRequest', async (request, reply) => {
    if (request.url === '/early') return reply.code(401).send()
    if (request.url === '/hung') await new Promise(() => {})
  })
  await app.register(channels, { clock, jwt: { secret } })
  app.ws('/ws/:id', { public: true }, [])
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const idle = clock.pending
  const connections = promisify(app.server.getConnections.bind(app.server))

  const cases: Array<[string, RegExp, boolean]> = [
    ['/%zz', /^HTTP\/1.1 400/, true],
    [`/ws/${'x'.repeat(200)}`, /^HTTP\/1.1 4/, true],
    ['/early', /^HTTP\/1.1 401/, true],
    ['/hung', /^HTTP\/1.1 503 .*\r\nRetry-After: 1\r\n/s, false]
  ]
  for (const [path, answer, answered] of cases) {
    t.test(path.slice(0, 20), async (t) => {
      const socket = connect(port, '127.0.0.1')
      let received = ''
      socket.on('data', (chunk) => { received += String(chunk) })
      const asked = once(app.server, 'upgrade')
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
      )
      await asked
      if (!answered) {
        t.equal(clock.pending, idle + 1)
        clock.advance(5_000)
      }
      await once(socket, 'close')
      t.match(received, answer)
      t.match(received, /\r\nConnection: close\r\n/i)
      t.match(received, /\r\nContent-Length: \d+\r\n/i)
      t.equal(received.match(/HTTP\/1.1/g)?.length, 1, 'answered once')
      t.equal(await connections(), 0)
      // One timer serves all upgrades, so it may outlast one of them.
      clock.advance(5_000)
      t.equal(clock.pending, idle)
    })
  }

  t.test('one that is answered in time is left alone', async (t) => {
    const client = await TestClient.connect(`ws://127.0.0.1:${port}/ws/a`)
    clock.advance(5_000)
    t.match(await client.request('ping'), { type: 'ack' })
  })
})
