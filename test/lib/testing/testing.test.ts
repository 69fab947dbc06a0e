import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { WebSocketServer } from 'ws'
import { TestClient } from '../../../lib/testing/test-client.ts'

t.test('TestClient: next() with two types takes one message and leaves the following one in the queue', async (t) => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  t.teardown(() => server.close())
  await once(server, 'listening')
  const connected = once(server, 'connection')
  const client = await TestClient.connect(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`)
  t.teardown(() => client.terminate())
  const [webSocket] = await connected
  const first = client.next('message.posted', 'resync')
  webSocket.send('{"type":"resync"}')
  t.equal((await first).type, 'resync')
  webSocket.send('{"type":"message.posted"}')
  t.equal((await client.next('message.posted', 'resync')).type, 'message.posted')
  webSocket.send('{"type":"other"}')
  t.equal((await client.next('other')).type, 'other')
  t.equal(client.log.length, 3, 'the log keeps messages that were taken')
})
