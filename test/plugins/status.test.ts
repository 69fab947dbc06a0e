import t from 'tap'
import { TestClient } from '../../lib/testing/test-client.ts'
import { startRedis } from '../support/redis.ts'
import { makeApp, serveLab } from '../support/serve.ts'

t.test('a node counts what travels, and what it refuses, over all its connections', async (t) => {
  const { app, url, connect } = await serveLab(t)
  t.match(
    app.channels.status(),
    { state: 'up', counters: { messagesIn: 0, messagesOut: 0, bytesIn: 0, bytesOut: 0, rejections: {} } }
  )
  const [ann, bob] = [await connect('ann'), await connect('bob')]
  await ann.request('join', 'lab/x')
  await ann.request('echo', 'lab/x', { value: 'no number' })
  await bob.request('note', 'lab/x', { text: 'not joined' })
  await bob.request('note', 'lab/x', { text: 'nor now' })
  const bytesIn = app.registry.all().reduce((sum, connection) => sum + connection.bytesIn, 0)
  await ann.close()
  await bob.close()
  t.match(await TestClient.connect(`${url}/lab`).catch((error: unknown) => error), { status: 401 })
  t.match(app.channels.status().counters, {
    messagesIn: 4,
    messagesOut: ann.log.length + bob.log.length + 2,
    bytesIn,
    rejections: {
      invalid_payload: 1, not_joined: 2, http_401: 1
    }
  }, 'those that are gone included')
  t.equal(app.channels.status().roundTrip, undefined, 'there is no way to go')
})

t.test('a node knows how long a message takes to Redis and back', async (t) => {
  const redis = await startRedis(t)
  const { app } = await makeApp(t, { redis: { url: redis.url } })
  while (app.channels.status().roundTrip === undefined) await new Promise((resolve) => setImmediate(resolve))
  const roundTrip = app.channels.status().roundTrip as number
  t.ok(roundTrip > 0 && roundTrip < 2_500, `${roundTrip} ms`)
})
