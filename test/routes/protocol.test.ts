import { readFileSync } from 'node:fs'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import t from 'tap'
import { closeEvents } from '../../lib/protocol/close-events.ts'
import { FakeClock } from '../../lib/testing/fake-clock.ts'
import { TestClient, UpgradeRefused } from '../../lib/testing/test-client.ts'
import { serveDemo } from '../demo.ts'

/** Every rule of docs/protocol.md, spoken by a plain WebSocket against the demo. The numbers are the document's. */
const room = 'chat/lobby'

async function refusal (attempt: Promise<unknown>): Promise<UpgradeRefused> {
  return attempt.then(() => { throw new Error('the upgrade was not refused') }, (error) => error as UpgradeRefused)
}

t.test('1. connecting', async (t) => {
  const { url, http, identity } = await serveDemo(t)
  const { token } = await identity('ann')
  const authorization = `Bearer ${token}`
  const chat = `${url}/ws/chat`

  t.test('1.1 a sound, authenticated request is switched', async (t) => {
    const client = await TestClient.connect(chat, [], { headers: { authorization } })
    t.match(await client.request('ping'), { type: 'ack' })
    t.equal(client.webSocket.protocol, '')
  })

  t.test('1.2 the subprotocol is selected where it is offered', async (t) => {
    const client = await TestClient.connect(chat, ['fastify-channels.v1', `bearer.${token}`])
    t.equal(client.webSocket.protocol, 'fastify-channels.v1')
  })

  t.test('1.3 other subprotocols are refused, explained', async (t) => {
    const bare = await refusal(TestClient.connect(chat, [`bearer.${token}`]))
    t.match(bare, { status: 400, body: /A token needs 'fastify-channels\.v1' offered beside it/ })
    const other = await refusal(TestClient.connect(chat, ['fastify-channels.v2'], { headers: { authorization } }))
    t.match(other, { status: 400, body: /No subprotocol offered is spoken here/ })
  })

  t.test('1.4 nobody, and bad tokens, are refused', async (t) => {
    t.match(await refusal(TestClient.connect(chat)), { status: 401 })
    for (const bad of ['garbage', `${token}x`, 'e30.e30.']) {
      t.match(await refusal(TestClient.connect(`${chat}?token=${bad}`)), { status: 401 })
      t.match(await refusal(TestClient.connect(chat, ['fastify-channels.v1', `bearer.${bad}`])), { status: 401 })
      t.match(await refusal(TestClient.connect(chat, [], { headers: { authorization: `Bearer ${bad}` } })), { status: 401 })
    }
  })

  t.test('1.5 a foreign origin is refused, no origin passes', async (t) => {
    const from = (origin: string) => TestClient.connect(chat, [], { origin, headers: { authorization } })
    for (const origin of ['https://evil.example', 'null', `${http}.evil.example`]) t.match(await refusal(from(origin)), { status: 403 })
    t.match(await (await from(http)).request('ping'), { type: 'ack' })
  })

  t.test('1.6 an upgrade elsewhere is not found', async (t) => {
    for (const path of ['/nowhere', '/token', '/']) t.match(await refusal(TestClient.connect(url + path)), { status: 404 })
  })

  t.test('1.7 a plain request is told to upgrade', async (t) => {
    const response = await fetch(`${http}/ws/chat`)
    t.equal(response.status, 426)
    t.equal(await statusOf(http, { upgrade: 'websocket' }), 426, 'without Connection: upgrade')
  })

  t.test('1.8 too many connections of one address or user are refused for now', async (t) => {
    const { connect, identity } = await serveDemo(t, { limits: { perUser: 1, perIp: 2 } })
    const { token } = await connect('ann')
    t.match(await refusal(connect('ann', undefined, '/ws/chat', token)), { status: 429, headers: { 'retry-after': /^\d+$/ } })
    await connect('bob')
    t.match(await refusal(connect('cy')), { status: 429 })
    t.ok(await identity('dan'), 'REST goes on')
  })

  t.test('1.9 a full server, and one that cannot decide, say so', async (t) => {
    const full = await serveDemo(t, { limits: { connections: 1 } })
    await full.connect('ann')
    t.match(await refusal(full.connect('bob')), { status: 503, headers: { 'retry-after': /^\d+$/ } })
    const hung = await serveDemo(t, { identify: () => new Promise(() => {}), upgradeTimeout: 50 })
    t.match(await refusal(hung.connect('ann')), { status: 503, headers: { 'retry-after': /^\d+$/ } })
  })

  t.test('1.10 a newer token of the same user extends the connection', async (t) => {
    const ann = await identity('ann')
    const client = await TestClient.connect(`${chat}?token=${ann.token}`)
    t.strictSame(await client.request('refresh', undefined, { token: ann.token }), { type: 'ack', correlationId: 't1' })
    t.match((await client.request('refresh', undefined, { token })).payload, { code: 'invalid_token' })
  })

  t.test('a token is found in the header, the subprotocol and the query', async (t) => {
    for (const client of [
      await TestClient.connect(chat, [], { headers: { authorization } }),
      await TestClient.connect(chat, ['fastify-channels.v1', `bearer.${token}`]),
      await TestClient.connect(`${chat}?token=${encodeURIComponent(token)}`)
    ]) t.match(await client.request('ping'), { type: 'ack' })
  })
})

t.test('2. envelopes', async (t) => {
  const { connect, logged } = await serveDemo(t)
  const { client } = await connect('ann', room)
  const lab = await connect('bob', 'lab/a', '/ws/lab')

  t.test('2.1 with a correlationId one reply, without one only errors', async (t) => {
    t.match(await client.request('message.send', room, { text: 'hi' }), { type: 'ack', channel: room, correlationId: /./ })
    client.send({ type: 'message.send', channel: room, payload: { text: 'ho' } })
    client.send({ type: 'message.send', channel: room, payload: {} })
    const error = await client.next('error')
    t.match(error, { channel: room, payload: { code: 'invalid_payload' } })
    t.notOk('correlationId' in error)
    t.equal(client.log.filter(({ type }) => type === 'ack').length, 2, 'the join and the first message')
  })

  t.test('2.2 the ack carries the reply of the message', async (t) => {
    t.match((await client.request('message.send', room, { text: 'hi' })).payload, { id: /^[0-9a-f-]{36}$/ })
    t.notOk('payload' in await client.request('typing', room, { active: true }))
  })

  t.test('2.3 an id in flight is refused', async (t) => {
    lab.client.send({ type: 'wait', channel: 'lab/a', payload: { for: 'twin' }, correlationId: 'twin' })
    lab.client.send({ type: 'nothing', channel: 'lab/a', correlationId: 'twin' })
    t.match(await lab.client.next('error'), { correlationId: 'twin', payload: { code: 'in_flight' } })
    lab.journal.door('twin').resolve()
    t.match(await lab.client.next('ack'), { correlationId: 'twin' })
    lab.client.send({ type: 'nothing', channel: 'lab/a', correlationId: 'twin' })
    t.match(await lab.client.next('ack'), { correlationId: 'twin' }, 'and free again')
  })

  t.test('2.4 a channel is handled in order, channels do not wait for each other', async (t) => {
    await lab.client.request('join', 'lab/b')
    const first = lab.client.request('wait', 'lab/a', { for: 'order' })
    const second = lab.client.request('nothing', 'lab/a')
    await lab.client.request('nothing', 'lab/b')
    const soFar = lab.client.log.length
    lab.journal.door('order').resolve()
    const replies = await Promise.all([first, second])
    t.strictSame(lab.client.log.slice(soFar), replies)
  })

  t.test('2.5 objects are closed, nothing is coerced, only declared members leave', async (t) => {
    for (const payload of [{ text: 'hi', admin: true }, { text: 1 }, { text: '' }, {}, null, undefined, [], 'hi']) {
      const { connect } = await serveDemo(t)
      const { client } = await connect('ann', room)
      t.match(await client.request('message.send', room, payload), { type: 'error', payload: { code: 'invalid_payload', details: { path: String, message: String } } })
    }
    t.strictSame((await lab.client.request('leak', 'lab/a')).payload, { id: '1' })
  })

  t.test('2.6 unknown members of the envelope are ignored', async (t) => {
    client.sendText(JSON.stringify({ type: 'ping', correlationId: 'p', future: { members: true } }))
    t.match(await client.next('ack'), { correlationId: 'p' })
  })

  t.test('what a client causes is logged without payloads', async (t) => {
    const line = await logged('a message was refused')
    t.match(line, { level: 30, connection: String, user: String, type: 'message.send', channel: room, error: { code: 'invalid_payload' } })
  })
})

t.test('3. channels', async (t) => {
  const { connect, app } = await serveDemo(t)
  const { client, userId } = await connect('ann')
  const other = (await connect('bob')).client

  t.test('3.1 a join is acked before anything of the channel', async (t) => {
    const mark = client.log.length
    t.match(await client.request('join', room), { type: 'ack', channel: room, payload: { presence: [{ user: userId, data: { name: 'ann' } }] } })
    await other.request('join', room)
    await client.next('presence')
    t.equal(client.log[mark]?.type, 'ack')
  })

  t.test('3.2 a join that is not possible says why', async (t) => {
    const lab = (await connect('cy', undefined, '/ws/lab')).client
    t.match((await lab.request('join', 'lab/secret1')).payload, { code: 'forbidden' })
    t.match((await client.request('join', room)).payload, { code: 'already_joined' })
    for (const channel of ['chat/UPPER', 'chat', 'chat/a/b', 'chat/', 'nonsense', 'chat/*', 'chat/..', 'chat/a\r\nb']) {
      const fresh = (await connect('dan')).client
      t.match((await fresh.request('join', channel)).payload, { code: 'unknown_channel' })
    }
    t.match((await client.request('join')).payload, { code: 'unknown_channel' })
  })

  t.test('3.3 the ack of a leave is the last thing of the channel', async (t) => {
    const leaver = (await connect('eve', room)).client
    await leaver.request('leave', room)
    const mark = leaver.log.length
    await client.request('message.send', room, { text: 'bye eve' })
    await leaver.request('ping')
    t.equal(leaver.log.length, mark + 1)
    t.match((await leaver.request('leave', room)).payload, { code: 'not_joined' })
  })

  t.test('3.4 a message needs membership', async (t) => {
    t.match((await client.request('typing', 'chat/elsewhere', { active: true })).payload, { code: 'not_joined' })
  })

  t.test('3.5 who is taken out is told', async (t) => {
    const removed = await connect('fay', room)
    const { chat } = await import('../../routes/chat/chat.contract.ts')
    await app.rooms.of(chat, { room: 'lobby' }).remove({ userId: removed.userId }, 'banned')
    t.strictSame(await removed.client.next('left'), { type: 'left', channel: room, payload: { code: 'banned' } })
  })

  t.test('3.6 everyone gets everything, in one order', async (t) => {
    const texts = Array.from({ length: 50 }, (_, i) => `message ${i}`)
    for (const text of texts) client.send({ type: 'message.send', channel: room, payload: { text } })
    await client.request('message.send', room, { text: 'last' })
    await other.request('ping')
    for (const { log } of [client, other]) {
      const heard = log.filter(({ type }) => type === 'message.posted').map(({ payload }) => (payload as { text: string }).text)
      t.strictSame(heard.slice(-51), [...texts, 'last'])
    }
  })
})

t.test('4. presence', async (t) => {
  const { connect } = await serveDemo(t)
  const ann = await connect('ann', room)
  const bob = await connect('bob', room)

  t.test('4.1 the ack of a join lists every user once', async (t) => {
    const tab = await connect(bob.name, undefined, '/ws/chat', bob.token)
    const ack = await tab.client.request('join', room)
    t.strictSame(ack.payload, { presence: [{ user: ann.userId, data: { name: 'ann' } }, { user: bob.userId, data: { name: 'bob' } }] })
    await tab.client.close()
  })

  t.test('4.2 members are told of the first connection and of the last', async (t) => {
    t.strictSame((await ann.client.next('presence')).payload, { joined: [{ user: bob.userId, data: { name: 'bob' } }] })
    await bob.client.request('leave', room)
    t.strictSame((await ann.client.next('presence')).payload, { left: [bob.userId] })
    t.equal(ann.client.log.filter(({ type }) => type === 'presence').length, 2, 'nothing of the second tab')
  })

  t.test('4.3 a lost connection is waited for, a leave is not', async (t) => {
    const clock = new FakeClock()
    const { connect } = await serveDemo(t, { clock, presenceGrace: 3000 })
    const [dan, eve] = [await connect('dan', room), await connect('eve', room)]
    await dan.client.next('presence')
    eve.client.terminate()
    await eve.client.closed
    const again = await connect('eve', room, '/ws/chat', eve.token)
    clock.advance(3000)
    await dan.client.request('ping')
    t.equal(dan.client.log.filter(({ type }) => type === 'presence').length, 1)
    await again.client.request('leave', room)
    t.strictSame((await dan.client.next('presence')).payload, { left: [eve.userId] })
  })

  t.test('a connection that does not come back leaves', async (t) => {
    const cy = await connect('cy', room)
    await ann.client.next('presence')
    cy.client.terminate()
    t.strictSame((await ann.client.next('presence')).payload, { left: [cy.userId] })
  })
})

t.test('5. liveness', async (t) => {
  const clock = new FakeClock()
  const { connect, app, logged } = await serveDemo(t, { clock })
  const alive = (await connect('ann', room)).client
  const silent = (await connect('bob', room)).client

  t.test('5.1 silence after a ping ends a connection, any frame is life', async (t) => {
    silent.webSocket.pause()
    const gone = logged('connection closed')
    for (let second = 0; second < 40 && app.registry.size === 2; second++) {
      clock.advance(1000)
      await alive.request('ping')
    }
    t.match(await gone, { code: 1006 })
    t.equal(app.heartbeat.terminated, 1)
    t.match((await alive.next('presence')).payload, { joined: [{}] })
    t.match((await alive.next('presence')).payload, { left: [String] })
    t.equal(app.registry.size, 1)
    silent.webSocket.resume()
    t.match(await silent.closed, { code: 1006 })
  })

  t.test('5.2 a ping is acked at once', async (t) => {
    t.strictSame(Object.keys(await alive.request('ping')), ['type', 'correlationId'])
  })
})

t.test('6. errors', async (t) => {
  const clock = new FakeClock()
  const { connect, logged } = await serveDemo(t, { clock, handlerTimeout: 1000 })
  const { client, journal } = await connect('ann', 'lab/a', '/ws/lab')

  t.test('every code of the catalogue, with its message', async (t) => {
    const document = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8')
    const { errorMessages } = await import('../../lib/protocol/errors.ts')
    for (const code of Object.keys(errorMessages)) t.ok(document.includes(`| \`${code}\` |`), `${code} is documented`)
    t.match((await client.request('fail', 'lab/a')).payload, { code: 'internal' })
    t.match((await client.request('nonsense', 'lab/a')).payload, { code: 'unknown_type' })
    t.match((await client.request('refuse', 'lab/a')).payload, { code: 'muted', details: { until: 7 } })
    const stuck = client.request('wait', 'lab/a', { for: 'ever' })
    await journal.seen('waiting ever')
    clock.advance(1000)
    t.match((await stuck).payload, { code: 'timeout' })
  })

  t.test('6.1 ten violations in a minute are forgiven, the eleventh is not', async (t) => {
    const { client } = await connect('bob', room)
    for (let i = 0; i < 10; i++) t.match(await client.request('nonsense', room), { type: 'error' })
    client.send({ type: 'nonsense', channel: room })
    t.strictSame(await client.closed, { code: 1008, reason: 'too many invalid messages' })
    t.match(await logged('too many invalid messages'), { level: 40, code: 'unknown_type' })
  })

  t.test('6.2 what comes too fast is refused, and a storm ends the connection', async (t) => {
    const { connect } = await serveDemo(t, { limits: { messages: { max: 2, per: 60_000 }, storm: { max: 1, per: 60_000 } } })
    const { client } = await connect('ann')
    for (let i = 0; i < 2; i++) t.match(await client.request('ping'), { type: 'ack' })
    t.match(await client.request('ping'), { type: 'error', payload: { code: 'rate_limited', retryAfter: Number } })
    client.send({ type: 'ping' })
    t.strictSame(await client.closed, { code: 1008, reason: 'message storm' })
  })

  t.test('6.1 a strict server forgives none', async (t) => {
    const { connect } = await serveDemo(t, { strict: true })
    const { client } = await connect('ann', room)
    client.send({ type: 'message.send', channel: room, payload: { text: 1 } })
    t.match(await client.closed, { code: 1008 })
  })
})

t.test('7. closing', async (t) => {
  const { connect, app, logged } = await serveDemo(t)
  const bytes = (text: string) => Buffer.from(text)
  const cases: Array<[string, string | Buffer, number, string]> = [
    ['a binary frame', bytes('{"type":"ping"}'), 1003, closeEvents.binary.reason],
    ['no JSON', 'hello', 1008, closeEvents.notJson.reason],
    ['an empty message', '', 1008, closeEvents.notJson.reason],
    ['no envelope', '[]', 1008, closeEvents.notEnvelope.reason],
    ['no type', '{"channel":"chat/lobby"}', 1008, closeEvents.notEnvelope.reason],
    ['more than 64 KiB', JSON.stringify({ type: 'ping', payload: 'x'.repeat(65_536) }), 1009, '']
  ]
  for (const [name, data, code, reason] of cases) {
    t.test(`${code} for ${name}`, async (t) => {
      const { client } = await connect('ann', room)
      client.webSocket.send(data)
      t.strictSame(await client.closed, { code, reason })
    })
  }

  t.test('1000 when the client is done', async (t) => {
    const { client } = await connect('ann', room)
    t.match(await client.close(), { code: 1000 })
  })

  t.test('exactly 64 KiB is accepted', async (t) => {
    const { client } = await connect('ann', room)
    const envelope = { type: 'ping', correlationId: 'full', payload: '' }
    client.send({ ...envelope, payload: 'x'.repeat(65_536 - JSON.stringify(envelope).length) })
    t.match(await client.next('ack'), { correlationId: 'full' })
    await client.close()
  })

  t.test('1012 when the server ends', async (t) => {
    const { client } = await connect('ann', room)
    await app.close()
    t.strictSame(await client.closed, { code: 1012, reason: 'server is restarting' })
  })

  t.test('what the server closed is in its log', async (t) => {
    for (const event of [closeEvents.binary, closeEvents.notJson, closeEvents.notEnvelope]) {
      t.match(await logged(event.reason), { level: 40, code: event.code, connection: String, user: String })
    }
    t.match(await logged('connection failed'), { level: 30, err: /Max payload/ })
  })
})

t.test('every numbered rule has its test', async (t) => {
  const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')
  const rules = [...read('../../docs/protocol.md').matchAll(/^(?:- \*\*|\| )(\d\.\d+)/gm)].map(([, rule]) => rule)
  t.ok(rules.length > 20)
  for (const rule of rules) t.ok(read('./protocol.test.ts').includes(`t.test('${rule} `), String(rule))
})

function statusOf (http: string, headers: Record<string, string>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    httpRequest(`${http}/ws/chat`, { headers }, (response: IncomingMessage) => {
      response.resume()
      resolve(response.statusCode)
    }).on('error', reject).end()
  })
}
