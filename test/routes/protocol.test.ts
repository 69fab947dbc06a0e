import { readFileSync } from 'node:fs'
import { setImmediate as nextIteration } from 'node:timers/promises'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import t, { type Test } from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { MemoryAdapter, MemoryHub } from '../../lib/memory/memory-adapter.ts'
import { closeEvents } from '../../lib/protocol/close-events.ts'
import type { Envelope } from '../../lib/protocol/envelope.ts'
import type {
  JoinAck, PresenceChange, PresenceEntry, PresencePage
} from '../../lib/protocol/control-messages.ts'
import type { EntryPosition, Position } from '../../lib/protocol/position.ts'
import type { SentSnapshot } from '../../lib/protocol/history.ts'
import { FakeClock } from '../../lib/testing/fake-clock.ts'
import { connect as connectClient } from '../../lib/client/index.ts'
import { TestClient, UpgradeRefused } from '../../lib/testing/test-client.ts'
import type { ChannelsOptions } from '../../plugins/channels.ts'
import { chat } from '../../routes/chat/chat.contract.ts'
import { metrics } from '../../routes/dashboard/dashboard.contract.ts'
import { serveDemo as serveUnrecorded, type Demo } from '../support/demo.ts'
import { cinema, lab, ledger, own } from '../support/lab.ts'
import { root } from '../support/root.ts'
import { adapterWith } from '../support/adapter-with.ts'
import { started } from '../support/rooms.ts'
import { until } from '../support/until.ts'
import { ajvChecks, recordWire, type WireMessage } from '../support/wire-schemas.ts'

/** Every rule of docs/protocol.md, spoken by a plain WebSocket against the demo. The numbers are the document's. */
const room = 'chat/lobby'

/** What each connection sent and received, the refused messages too. */
const records: WireMessage[][] = []

async function serveDemo (t: Test, options: ChannelsOptions = {}): Promise<Demo> {
  const demo = await serveUnrecorded(t, options)
  const connect: Demo['connect'] = async (name, channel, path, token) => {
    const visitor = await demo.connect(name, undefined, path, token)
    const record: WireMessage[] = []
    records.push(record)
    recordWire(visitor.client, record)
    if (channel !== undefined) await visitor.client.request('join', channel)
    return visitor
  }
  return { ...demo, connect }
}

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
    t.match(
      bare,
      {
        status: 400,
        body: /A token is the only subprotocol offered: offer 'fastify-channels\.v1' too, or no subprotocol/
      }
    )
    const other = await refusal(TestClient.connect(chat, ['fastify-channels.v2'], { headers: { authorization } }))
    t.match(
      other,
      { status: 400, body: /No offered subprotocol is supported: offer 'fastify-channels\.v1' too, or no subprotocol/ }
    )
  })

  t.test('1.4 nobody, and bad tokens, are refused', async (t) => {
    t.match(await refusal(TestClient.connect(chat)), { status: 401 })
    for (const bad of ['garbage', `${token}x`, 'e30.e30.']) {
      t.match(await refusal(TestClient.connect(`${chat}?token=${bad}`)), { status: 401 })
      t.match(await refusal(TestClient.connect(chat, ['fastify-channels.v1', `bearer.${bad}`])), { status: 401 })
      t.match(
        await refusal(TestClient.connect(chat, [], { headers: { authorization: `Bearer ${bad}` } })), { status: 401 }
      )
    }
  })

  t.test('1.5 a foreign origin is refused, no origin passes', async (t) => {
    const from = (origin: string) => TestClient.connect(chat, [], { origin, headers: { authorization } })
    for (const origin of [
      'https://evil.example', 'null', `${http}.evil.example`
    ]) t.match(await refusal(from(origin)), { status: 403 })
    t.match(await (await from(http)).request('ping'), { type: 'ack' })
  })

  t.test('1.6 an upgrade elsewhere is not found', async (t) => {
    for (const path of ['/nowhere', '/token', '/']) {
      t.match(
        await refusal(TestClient.connect(url + path)), { status: 404 }
      )
    }
  })

  t.test('1.7 a plain request gets the refusal of an upgrade, else it is told to upgrade', async (t) => {
    const { status, headers } = await fetch(`${http}/ws/chat`, { headers: { authorization } })
    t.equal(status, 426)
    t.equal(headers.get('cache-control'), 'no-store')
    t.equal((await fetch(`${http}/ws/chat?token=${token}`)).status, 426, 'with a token in the URL')
    t.equal(await statusOf(http, { authorization, upgrade: 'websocket' }), 426, 'without Connection: upgrade')
    const refusedPlain = await fetch(`${http}/ws/chat`)
    t.match(await refusedPlain.json(), { statusCode: 401, code: 'FST_CHANNELS_UNAUTHENTICATED' }, 'no token')
    t.equal(await statusOf(http, { authorization, origin: 'https://evil.example' }), 403, 'a foreign origin')
    const head = await fetch(`${http}/ws/chat`, { method: 'HEAD', headers: { authorization } })
    t.strictSame([head.status, await head.text(), head.headers.get('cache-control')], [426, '', 'no-store'], 'HEAD')
  })

  t.test('1.11 welcome is the first message: it names the connection and the limits', async (t) => {
    const demo = await serveDemo(t, { maxPayload: 1_000 })
    const { client } = await demo.connect('ann')
    const { connectionId, limits } = await client.welcome
    t.strictSame(limits, { messageBytes: 1_000, channelLength: 256, depth: 64 })
    t.equal(demo.app.registry.get(connectionId)?.ip, '127.0.0.1')
  })

  t.test('1.12 welcome lists the patterns of the route, without the contract of the connection', async (t) => {
    const { connect } = await serveDemo(t)
    t.strictSame((await (await connect('ann')).client.welcome).patterns, ['chat/:room'])
    const { client } = await connect('ann', undefined, '/ws/lab')
    t.strictSame((await client.welcome).patterns, ['lab/:id', 'ledger/:id', 'crowd', 'cinema'])
  })

  t.test('1.8 too many connections of one address or user are refused for now', async (t) => {
    const { connect, identity } = await serveDemo(t, { limits: { perUser: 1, perIp: 2 } })
    const { token } = await connect('ann')
    t.match(
      await refusal(connect('ann', undefined, '/ws/chat', token)), { status: 429, headers: { 'retry-after': /^\d+$/ } }
    )
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

  t.test('1.13 a newer token of the same user extends the connection', async (t) => {
    const ann = await identity('ann')
    const client = await TestClient.connect(`${chat}?token=${ann.token}`)
    const record: WireMessage[] = []
    records.push(record)
    recordWire(client, record)
    t.strictSame(
      await client.request('refresh', undefined, { token: ann.token }, 'r1'), { type: 'ack', correlationId: 'r1' }
    )
    t.match((await client.request('refresh', undefined, { token })).payload, { code: 'invalid_token' })
  })

  t.test('1.10 a refused upgrade has a body of JSON', async (t) => {
    const { status, body } = await refusal(TestClient.connect(chat))
    const { statusCode, code, message, error } = JSON.parse(body) as Record<string, unknown>
    t.match({ status, statusCode, code, message, error },
      { status: 401, statusCode: 401, code: 'FST_CHANNELS_UNAUTHENTICATED', message: /token/, error: 'Unauthorized' })
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
  const labBob = await connect('bob', 'lab/a', '/ws/lab')

  t.test('2.1 with a correlationId one reply, without one only errors', async (t) => {
    t.match(
      await client.request('message.send', room, { text: 'hi' }), { type: 'ack', channel: room, correlationId: /./ }
    )
    client.send({ type: 'message.send', channel: room, payload: { text: 'ho' } })
    client.send({ type: 'message.send', channel: room, payload: {} })
    const error = await client.next('error')
    t.match(error, { channel: room, payload: { code: 'invalid_payload' } })
    t.notOk('correlationId' in error)
    t.equal(client.log.filter(({ type }) => type === 'ack').length, 2, 'the join and the first message')
  })

  t.test('2.2 the ack carries the reply of the message', async (t) => {
    t.match((await client.request('message.send', room, { text: 'hi' })).payload, { id: /^[\w-]{22}$/ })
    t.notOk('payload' in await client.request('typing', room, { active: true }))
  })

  t.test('2.3 an id in flight is refused', async (t) => {
    labBob.client.send({ type: 'wait', channel: 'lab/a', payload: { for: 'twin' }, correlationId: 'twin' })
    labBob.client.send({ type: 'nothing', channel: 'lab/a', correlationId: 'twin' })
    t.match(await labBob.client.next('error'), { correlationId: 'twin', payload: { code: 'in_flight' } })
    labBob.journal.door('twin').resolve()
    t.match(await labBob.client.next('ack'), { correlationId: 'twin' })
    labBob.client.send({ type: 'nothing', channel: 'lab/a', correlationId: 'twin' })
    t.match(await labBob.client.next('ack'), { correlationId: 'twin' }, 'and free again')
  })

  t.test('2.4 a channel is handled in order, channels do not wait for each other', async (t) => {
    await labBob.client.request('join', 'lab/b')
    const first = labBob.client.request('wait', 'lab/a', { for: 'order' })
    const second = labBob.client.request('nothing', 'lab/a')
    await labBob.client.request('nothing', 'lab/b')
    const soFar = labBob.client.log.length
    labBob.journal.door('order').resolve()
    const replies = await Promise.all([first, second])
    t.strictSame(labBob.client.log.slice(soFar), replies)
  })

  t.test('2.5 objects are closed, nothing is coerced, only declared members leave', async (t) => {
    for (const payload of [{ text: 'hi', admin: true }, { text: 1 }, { text: '' }, {}, null, undefined, [], 'hi']) {
      const { connect } = await serveDemo(t)
      const { client } = await connect('ann', room)
      t.match(
        await client.request('message.send', room, payload),
        { type: 'error', payload: { code: 'invalid_payload', details: { path: String, message: String } } }
      )
    }
    t.strictSame((await labBob.client.request('leak', 'lab/a')).payload, { id: '1' })
  })

  t.test('2.6 unknown members of the envelope are ignored', async (t) => {
    client.sendText(JSON.stringify({ type: 'ping', correlationId: 'p', future: { members: true } }))
    t.match(await client.next('ack'), { correlationId: 'p' })
  })

  t.test('2.7 text with half of a surrogate pair is refused, and reaches nobody', async (t) => {
    const bob = (await connect('bob', room)).client
    const refused = (payload: unknown) => client.request('message.send', room, payload)
    t.match((await refused({ text: 'cut \ud83d' })).payload, { code: 'invalid_payload', details: { path: '/text' } })
    t.match((await refused({ text: 'a', '\ude00': 1 })).payload, { code: 'invalid_payload', details: { path: '' } })
    t.match(await refused({ text: 'whole \ud83d\ude00' }), { type: 'ack' })
    t.match(await bob.next('message.posted'), { payload: { text: 'whole \ud83d\ude00' } })
    client.send({ type: 'join', channel: 'chat/\ud800', correlationId: 'j' })
    const unknown = await client.next('error')
    t.match(unknown, { payload: { code: 'unknown_channel' }, correlationId: 'j' })
    t.notOk('channel' in unknown, 'the name is not repeated')
  })

  t.test('2.8 null is absent for channel, correlationId and payload', async (t) => {
    client.sendText('{"type":"ping","channel":null,"payload":null,"correlationId":"p8"}')
    t.strictSame(await client.next('ack'), { type: 'ack', correlationId: 'p8' })
    t.match(await labBob.client.request('nothing', 'lab/a', null), { type: 'ack' })
    const { payload } = await client.request('message.send', room, null)
    t.match(payload, { code: 'invalid_payload', details: { path: '' } })
    client.sendText(`{"type":"typing","channel":"${room}","payload":{},"correlationId":null}`)
    t.notOk('correlationId' in await client.next('error'))
  })

  t.test('2.6 unknown members of the payload of a control message are ignored', async (t) => {
    t.match(await client.request('join', 'chat/other', { since: undefined, future: 1 }), { type: 'ack' })
    t.match(await client.request('leave', 'chat/other', { future: 1 }), { type: 'ack' })
    t.match(await client.request('ping', undefined, { future: 1 }), { type: 'ack' })
  })

  t.test('2.9 lengths count UTF-16 code units, and nothing is empty', async (t) => {
    t.match(await client.request('ping', undefined, undefined, '\u{1f600}'.repeat(32)), { type: 'ack' })
    for (const correlationId of ['\u{1f600}'.repeat(33), '']) {
      client.send({ type: 'ping', correlationId })
      t.match((await client.next('error')).payload, { code: 'invalid_payload', message: /^'correlationId' is / })
    }
  })

  t.test('2.10 replies repeat the channel of their message', async (t) => {
    t.match(await client.request('typing', room, { active: true }), { type: 'ack', channel: room })
    t.match(await client.request('typing', room, {}), { type: 'error', channel: room })
    t.notOk('channel' in await client.request('ping'))
  })

  t.test('2.11 a byte order mark is ignored, and the last of two equal members counts', async (t) => {
    client.sendText('\ufeff{"type":"nonsense","type":"ping","correlationId":"first","correlationId":"last"}')
    t.match(await client.next('ack'), { correlationId: 'last' })
  })

  t.test('2.12 a message over 1 MiB is not sent, and closes no connection', async (t) => {
    const { app, connect } = await serveDemo(t)
    const { client } = await connect('ann', 'lab/a', '/ws/lab')
    const rooms = app.rooms.of(lab, { id: 'a' })
    const envelope = '{"type":"noted","channel":"lab/a","payload":{"text":""}}'.length
    await rooms.broadcast('noted', { text: 'x'.repeat(1_048_576 - envelope) })
    t.equal(((await client.next('noted')).payload as { text: string }).text.length, 1_048_576 - envelope)
    const larger = { text: 'x'.repeat(1_048_577 - envelope) }
    await t.rejects(rooms.broadcast('noted', larger), { code: 'FST_CHANNELS_USAGE' })
    t.match(await client.request('ping'), { type: 'ack' })
    t.equal(client.log.filter(({ type }) => type === 'noted').length, 1)
  })

  t.test('2.13 a message that breaks a limit gets an error with the reason, and the connection goes on', async (t) => {
    const { connect } = await serveDemo(t)
    const { client } = await connect('ann', room)
    const to = `"type":"typing","channel":"${room}","correlationId":"q"`
    const rows: ReadonlyArray<readonly [text: string, payload: object, repeated?: object]> = [
      [`{${to},"payload":{"__proto__":{}}}`, { code: 'invalid_payload', message: /contains the key __proto__$/ }],
      [`{${to},"payload":${'['.repeat(64)}${']'.repeat(64)}}`, { code: 'invalid_payload', message: /than 64 levels$/ }],
      [`{${to},"type":"${'x'.repeat(129)}"}`, { code: 'unknown_type', message: /^'type' is longer than 128/ }],
      [
        `{${to},"channel":"${'x'.repeat(300)}"}`,
        { code: 'unknown_channel', message: /^'channel' is longer than 256/ }, { channel: undefined }
      ],
      [
        `{${to},"correlationId":7}`,
        { code: 'invalid_payload', message: "'correlationId' is not a string" }, { correlationId: undefined }
      ]
    ]
    for (const [text, payload, repeated] of rows) {
      client.sendText(text)
      t.match(await client.next('error'), { channel: room, correlationId: 'q', payload, ...repeated })
    }
    for (let i = rows.length; i < 10; i++) client.sendText(`{${to},"correlationId":7}`)
    t.match(await client.request('typing', room, { active: true }), { type: 'ack' }, 'ten of them are forgiven')
    client.sendText(`{${to},"correlationId":7}`)
    t.strictSame(await client.closed, { code: 1008, reason: 'too many invalid messages' })
  })

  t.test('2.14 a text that is no object with a type closes the connection', async (t) => {
    for (const text of ['{', '[]', '{}', '{"type":""}', '{"type":1}']) {
      const { client } = await connect('cy')
      client.sendText(text)
      t.match(await client.closed, { code: 1008, reason: /^a message is not (valid JSON|an envelope)$/ })
    }
  })

  t.test('what a client causes is logged without payloads', async (t) => {
    const line = await logged('a message was refused')
    t.match(
      line,
      {
        level: 30,
        connection: String,
        user: String,
        type: 'message.send',
        channel: room,
        error: { code: 'invalid_payload' }
      }
    )
  })
})

t.test('3. channels', async (t) => {
  const { connect, app } = await serveDemo(t)
  const { client, userId } = await connect('ann')
  const other = (await connect('bob')).client

  t.test('3.1 a join is acked before anything of the channel', async (t) => {
    const mark = client.log.length
    t.match(
      await client.request('join', room),
      { type: 'ack', channel: room, payload: { presence: [{ user: userId, data: { name: 'ann' } }] } }
    )
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
    const unknown = (await client.request('join')).payload
    t.match(unknown, { code: 'unknown_channel' })
    t.notOk('details' in (unknown as object), 'no pattern matches')
    const wrongParam = { code: 'unknown_channel', details: { path: '/room', message: /^Expected string to match / } }
    t.match((await client.request('join', 'chat/UPPER')).payload, wrongParam)
    t.match((await client.request('typing', 'chat/UPPER', { active: true })).payload, wrongParam, 'also a message')
  })

  t.test('3.2 a removal during the join answers it forbidden, and no left follows', async (t) => {
    const { client: joining, userId, journal } = await connect('gil', undefined, '/ws/lab')
    const joined = joining.request('join', 'lab/slow1')
    await joining.request('ping')
    await app.rooms.of(lab, { id: 'slow1' }).remove({ userId }, 'banned')
    journal.door('slow1').resolve()
    t.match(await joined, { type: 'error', channel: 'lab/slow1', payload: { code: 'forbidden' } })
    await joining.request('ping')
    t.notOk(joining.log.some(({ type }) => type === 'left'))
  })

  t.test('3.3 a member gets the history again, and stays the member that it was', async (t) => {
    const { client: member } = await connect('hal', 'ledger/again', '/ws/lab')
    await member.request('write', 'ledger/again', { text: 'one' })
    const again = await member.request('join', 'ledger/again', { again: true })
    t.match(again.payload, { recovered: false, reason: 'fresh', offset: 1, messages: [{ offset: 1 }] })
    t.notOk('presence' in (again.payload as object))
    const before = member.log.length
    await member.request('write', 'ledger/again', { text: 'two' })
    t.equal(member.log.slice(before).filter(({ type }) => type === 'written').length, 1, 'each message comes once')
    const other = (await connect('ida', undefined, '/ws/lab')).client
    t.match(await other.request('join', 'ledger/again', { again: true }), { type: 'ack' }, 'a join as any other')
  })

  t.test('3.4 the ack of a leave is the last thing of the channel', async (t) => {
    const leaver = (await connect('eve', room)).client
    await leaver.request('leave', room)
    const mark = leaver.log.length
    await client.request('message.send', room, { text: 'bye eve' })
    await leaver.request('ping')
    t.equal(leaver.log.length, mark + 1)
    t.match((await leaver.request('leave', room)).payload, { code: 'not_joined' })
  })

  t.test('3.5 a message needs membership', async (t) => {
    t.match((await client.request('typing', 'chat/elsewhere', { active: true })).payload, { code: 'not_joined' })
  })

  t.test('3.6 who is taken out is told', async (t) => {
    const removed = await connect('fay', room)
    await app.rooms.of(chat, { room: 'lobby' }).remove({ userId: removed.userId }, 'banned')
    t.strictSame(await removed.client.next('left'), { type: 'left', channel: room, payload: { code: 'banned' } })
  })

  t.test('3.7 everyone gets everything, in one order', async (t) => {
    const texts = Array.from({ length: 50 }, (_, i) => `message ${i}`)
    for (const text of texts) client.send({ type: 'message.send', channel: room, payload: { text } })
    await client.request('message.send', room, { text: 'last' })
    await other.request('ping')
    for (const { log } of [client, other]) {
      const heard = log.filter(({ type }) => type === 'message.posted').map(({ payload }) =>
        (payload as { text: string }).text)
      t.strictSame(heard.slice(-51), [...texts, 'last'])
    }
  })
})

t.test('3. joined', async (t) => {
  const { connect, app } = await serveDemo(t)
  const add = (id: string, userId: string) => app.rooms.of(ledger, { id }).add({ userId })

  t.test('3.8 who is added gets joined, and is a member like any other', async (t) => {
    const writer = (await connect('ann', 'ledger/desk', '/ws/lab')).client
    await writer.request('write', 'ledger/desk', { text: 'one' })
    const { client, userId } = await connect('bob', undefined, '/ws/lab')
    t.strictSame(await add('desk', userId), { connections: 1, missing: [] })
    const joined = await client.next('joined')
    t.match(joined, { channel: 'ledger/desk', payload: { recovered: false, reason: 'fresh', offset: 1 } })
    t.notOk('correlationId' in joined)
    await writer.request('write', 'ledger/desk', { text: 'two' })
    t.match(await client.next('written'), { offset: 2 })
    t.match(await client.request('write', 'ledger/desk', { text: 'three' }), { type: 'ack', offset: 3 })
    await add('desk', userId)
    t.match(await client.request('leave', 'ledger/desk'), { type: 'ack' })
    t.equal(client.log.filter(({ type }) => type === 'joined').length, 1)
    const secret = await app.rooms.of(lab, { id: 'secret1' }).add({ userId })
    t.strictSame(secret, { connections: 0, missing: [] }, 'the permission of a join')
  })

  t.test('3.9 a client that ignores it gets the messages until it leaves', async (t) => {
    const { client, userId } = await connect('cy', undefined, '/ws/lab')
    await add('ignored', userId)
    await app.rooms.of(ledger, { id: 'ignored' }).broadcast('written', { text: 'x' })
    t.match(await client.next('written'), { channel: 'ledger/ignored' })
    await client.request('leave', 'ledger/ignored')
    await app.rooms.of(ledger, { id: 'ignored' }).broadcast('written', { text: 'y' })
    t.match(await client.request('leave', 'ledger/ignored'), { payload: { code: 'not_joined' } })
    t.equal(client.log.filter(({ type }) => type === 'written').length, 1)
  })

  t.test('3.10 a join that crosses joined is answered, also with a position', async (t) => {
    const { client, userId } = await connect('dan', undefined, '/ws/lab')
    await add('crossed', userId)
    const { epoch, offset, hash } = (await client.next('joined')).payload as Position
    await app.rooms.of(ledger, { id: 'crossed' }).broadcast('written', { text: 'x' })
    const ack = await client.request('join', 'ledger/crossed', { since: { epoch, offset, hash } })
    t.match(ack, { type: 'ack', payload: { recovered: true, messages: [{ payload: { text: 'x' } }] } })
    const { client: other } = await connect('eve', 'ledger/crossed', '/ws/lab')
    t.match(await other.request('join', 'ledger/crossed'), { payload: { code: 'already_joined' } })
  })
})

/** A demo with users whose connections are on another node. */
async function serveCrowd (t: Test) {
  const hub = new MemoryHub()
  const { connect } = await serveDemo(t, { adapter: new MemoryAdapter(hub) })
  const elsewhere = started(new MemoryAdapter(hub))
  const users = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}-${i}`)
  const enter = async (prefix: string, count: number) => {
    for (const id of users(prefix, count)) {
      await elsewhere.enterPresence(room, { id, userId: id }, { name: 'x'.repeat(400) })
    }
  }
  const exit = (prefix: string, count: number) => {
    for (const id of users(prefix, count)) elsewhere.exitPresence(room, { id }, 0)
  }
  return { connect, enter, exit }
}

/** The pages up to the last one. */
async function readPages (client: TestClient): Promise<PresencePage[]> {
  const pages: PresencePage[] = []
  do pages.push((await client.next('presence')).payload as PresencePage)
  while (pages.at(-1)?.more)
  return pages
}

t.test('4. presence', async (t) => {
  const { app, connect } = await serveDemo(t)
  const ann = await connect('ann', room)
  const bob = await connect('bob', room)

  t.test('4.1 the ack of a join lists every user once', async (t) => {
    const tab = await connect(bob.name, undefined, '/ws/chat', bob.token)
    const ack = await tab.client.request('join', room)
    t.strictSame(
      (ack.payload as { presence: unknown }).presence,
      [{ user: ann.userId, data: { name: 'ann' } }, { user: bob.userId, data: { name: 'bob' } }]
    )
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

  t.test('4.3 a client that closes with 1000 is not waited for', async (t) => {
    const { connect } = await serveDemo(t, { clock: new FakeClock(), presenceGrace: 3000 })
    const [dan, eve] = [await connect('dan', room), await connect('eve', room)]
    await dan.client.next('presence')
    eve.client.close(1000)
    t.strictSame((await dan.client.next('presence')).payload, { left: [eve.userId] })
  })

  t.test('4.4 a user gets no message about its own join', async (t) => {
    const eve = await connect('eve', room)
    t.match((await ann.client.next('presence')).payload, { joined: [{ user: eve.userId }] })
    await eve.client.request('leave', room)
    t.strictSame(eve.client.log.filter(({ type }) => type === 'presence'), [])
    await ann.client.next('presence')
  })

  t.test('4.5 changes are gathered, and a user who joins and leaves meanwhile is not named', async (t) => {
    const clock = new FakeClock()
    const { connect } = await serveDemo(t, { clock, limits: false })
    const dan = await connect('dan', room)
    await Promise.all(Array.from({ length: 100 }, () => connect('dan', room, '/ws/chat', dan.token)))
    const eve = await connect('eve', room)
    const fay = await connect('fay', room)
    await eve.client.request('leave', room)
    clock.advance(100)
    t.strictSame((await dan.client.next('presence')).payload, { joined: [{ user: fay.userId, data: { name: 'fay' } }] })
  })

  t.test('4.6 members of some channels learn only the number of users', async (t) => {
    const dan = await connect('dan', undefined, '/ws/lab')
    t.match(await dan.client.request('join', 'crowd'), { payload: { presence: { count: 1 } } })
    const eve = await connect('eve', undefined, '/ws/lab')
    t.strictSame((await eve.client.request('join', 'crowd')).payload, { presence: { count: 2 } })
    t.strictSame((await dan.client.next('presence')).payload, { count: 2 })
    await eve.client.request('leave', 'crowd')
    t.strictSame((await dan.client.next('presence')).payload, { count: 1 })
    t.strictSame(eve.client.log.filter(({ type }) => type === 'presence'), [], 'no message about its own join')
  })

  t.test('4.7 members of some channels learn nothing', async (t) => {
    const [dan, eve] = [await connect('dan', undefined, '/ws/lab'), await connect('eve', undefined, '/ws/lab')]
    for (const { client } of [dan, eve]) t.strictSame((await client.request('join', 'cinema')).payload, {})
    t.equal(await app.rooms.of(cinema).count(), 2, 'the server knows the number')
    await eve.client.request('leave', 'cinema')
    await dan.client.request('ping')
    t.strictSame(dan.client.log.filter(({ type }) => type === 'presence'), [])
  })

  t.test('4.8 a list over 512 KiB comes in pages', async (t) => {
    const { connect, enter } = await serveCrowd(t)
    await enter('here', 3_000)
    const { client, userId } = await connect('ann')
    const ack = await client.request('join', room)
    const { presence, presenceMore } = ack.payload as JoinAck
    t.equal(presenceMore, true)
    const first = (presence as PresenceEntry[]).map(({ user }) => user)
    t.ok(first.includes(userId), 'the first page has the own entry')
    const pages = await readPages(client)
    const users = [...first, ...pages.flatMap(({ present }) => present.map(({ user }) => user))]
    t.equal(new Set(users).size, 3_001)
    t.equal(users.length, 3_001, 'nobody is on two pages')
    for (const page of pages) t.ok(JSON.stringify(page.present).length <= 524_288)
  })

  t.test('4.9 what is between the pages is applied in order', async (t) => {
    const { connect, enter, exit } = await serveCrowd(t)
    await enter('here', 3_000)
    const { client } = await connect('ann')
    const { payload } = await client.request('join', room)
    exit('here', 3_000)
    await enter('new', 2)
    const known = new Set(((payload as JoinAck).presence as PresenceEntry[]).map(({ user }) => user))
    for (let isOver = false; !isOver || !known.has('new-1');) {
      const { payload } = await client.next('presence')
      const { present = [], more, joined = [], left = [] } = payload as PresencePage & PresenceChange
      for (const { user } of [...present, ...joined]) known.add(user)
      for (const user of left) known.delete(user)
      isOver ||= 'present' in (payload as object) && !more
    }
    t.equal(known.size, 3, 'the joining user, and those who are there now')
  })

  t.test('4.10 a change over 512 KiB comes in parts', async (t) => {
    const { connect, enter } = await serveCrowd(t)
    const { client } = await connect('ann', room)
    await enter('here', 3_000)
    const parts: string[][] = []
    while (parts.flat().length < 3_000) {
      const { payload } = await client.next('presence')
      t.ok(JSON.stringify(payload).length <= 524_288 + 100)
      parts.push(((payload as PresenceChange).joined ?? []).map(({ user }) => user))
    }
    t.equal(parts.length, 3)
    t.equal(new Set(parts.flat()).size, 3_000)
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
    const document = readFileSync(`${root}docs/protocol.md`, 'utf8')
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
    const { connect } = await serveDemo(
      t, { limits: { messages: { max: 2, timeWindow: 60_000 }, rateLimitErrors: { max: 1, timeWindow: 60_000 } } }
    )
    const { client } = await connect('ann')
    for (let i = 0; i < 2; i++) t.match(await client.request('ping'), { type: 'ack' })
    t.match(await client.request('ping'), { type: 'error', payload: { code: 'rate_limited', retryAfter: Number } })
    client.send({ type: 'ping' })
    t.strictSame(await client.closed, { code: 1008, reason: 'too many messages over the rate limit' })
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
  const malformed = Buffer.from('{"type":"\xff"}', 'latin1')
  const cases: ReadonlyArray<readonly [name: string, data: string | Buffer, code: number, reason: string]> = [
    ['a binary frame', Buffer.from('{"type":"ping"}'), 1003, closeEvents.binary.reason],
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

  t.test('1002 for a frame that breaks RFC 6455, 1007 for a text that is not UTF-8', async (t) => {
    const broken = (await connect('ann', room)).client
    const { _socket: socket } = broken.webSocket as unknown as { _socket: Socket }
    socket.write(Buffer.from([0x83, 0x80, 0, 0, 0, 0]))
    t.strictSame(await broken.closed, { code: 1002, reason: '' })
    const { client } = await connect('ann', room)
    client.webSocket.send(malformed, { binary: false })
    t.strictSame(await client.closed, { code: 1007, reason: '' })
  })

  t.test('1005 for a close without a code, 1006 for a lost connection', async (t) => {
    const { client } = await connect('ann', room)
    client.webSocket.close()
    t.strictSame(await client.closed, { code: 1005, reason: '' })
    const lost = (await connect('ann', room)).client
    lost.terminate()
    t.match(await lost.closed, { code: 1006 })
  })

  t.test('1008 for more than 256 fragments', async (t) => {
    const { client } = await connect('ann', room)
    for (let i = 0; i < 257; i++) client.webSocket.send(' ', { fin: false })
    t.strictSame(await client.closed, { code: 1008, reason: '' })
  })

  t.test("3003, 3000 and 4000 to 4999, with the application's own reason or an empty one", async (t) => {
    const ann = await connect('ann', room)
    await app.registry.disconnect({ userId: ann.userId })
    t.strictSame(await ann.client.closed, { code: 3003, reason: closeEvents.disconnected.reason })
    const bob = await connect('bob', room)
    await app.registry.revoke({ userId: bob.userId }, Date.now() + 60_000)
    t.strictSame(await bob.client.closed, { code: 3000, reason: closeEvents.revoked.reason })
    for (const event of [{ code: 4000, reason: 'moved' }, { code: 4999, reason: '' }]) {
      const { client, userId } = await connect('cy', room)
      await app.registry.disconnect({ userId }, event)
      t.strictSame(await client.closed, event)
    }
  })

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

t.test('7. reconnect', async (t) => {
  const clock = new FakeClock(Date.now())
  const hub = new MemoryHub(clock)
  const shared = { jwt: { secret: 'for both nodes' }, limits: { perUser: 1 } }
  const other = await serveDemo(t, { ...shared, adapter: new MemoryAdapter(hub) })
  const drain = { spread: 5_000, timeout: 10_000 }
  const { app, connect } = await serveDemo(t, { ...shared, clock, adapter: new MemoryAdapter(hub), drain })
  const channel = 'lab/drained'
  const [one, two] = [await connect('ann', channel, '/ws/lab'), await connect('bob', channel, '/ws/lab')]
  const typing = await connect('cleo', room)
  const witness = await other.connect('witness', channel, '/ws/lab')
  const ended = app.channels.drain()
  t.teardown(() => clock.advance(60_000))

  t.test('7.1 all connections are asked to connect again, spread over time, and upgrades get 503', async (t) => {
    t.strictSame(await one.client.next('reconnect'), { type: 'reconnect', payload: { delay: 0 } })
    t.strictSame(await two.client.next('reconnect'), { type: 'reconnect', payload: { delay: 1_666 } })
    t.match(await refusal(connect('cy', channel, '/ws/lab', one.token)), { status: 503, headers: { 'retry-after': /\d/ } })
  })

  t.test('7.2 a user at the limit is let in elsewhere', async () => {
    await other.connect('ann', channel, '/ws/lab', one.token)
  })

  t.test('7.4 the client that moved changes nothing of the presence', async (t) => {
    const presence = () => witness.client.log.filter(({ type }) => type === 'presence').length
    const before = presence()
    await one.client.close(4001)
    await two.client.request('note', channel, { text: 'here' })
    for (const { client } of [two, witness]) await client.next('noted')
    t.equal(presence(), before)
  })

  t.test('7.5 an ephemeral message to several connections has one id on all of them, and no other message has it',
    async (t) => {
      const { registry, rooms } = other.app
      const idOf = async (name: string) => {
        const ids = await Promise.all([two, witness].map(async ({ client }) => (await client.next(name)).id))
        t.match(ids, [/^[\w-]{6}\.[0-9a-z]+$/, ids[0]])
        return ids[0]
      }
      const ids = []
      for (const text of ['x', 'y']) {
        await two.client.request('note', channel, { text })
        ids.push(await idOf('noted'))
      }
      await rooms.of(lab, { id: 'drained' }).broadcast('bell')
      ids.push(await idOf('bell'))
      for (const userId of [two.userId, witness.userId]) await registry.send(userId, own, 'greeting', { text: 'x' })
      t.equal(new Set(ids).size, 3)
      t.match(await two.client.next('greeting'), { id: /^[\w-]{6}\./ })
      await two.client.request('whisper', channel, { text: 'x' })
      t.strictSame(await two.client.next('whispered'), { type: 'whispered', channel, payload: { text: 'x' } },
        'a message to one connection needs none')
    })

  t.test('7.9 what a client sends to all but itself comes over neither connection that it has', async (t) => {
    const next = await other.connect('cleo', undefined, '/ws/chat', typing.token)
    const { connectionId: replaces } = await typing.client.welcome
    await next.client.request('join', room, { replaces })
    const reader = await other.connect('dora', room)
    for (const { client } of [typing, next]) await client.request('typing', room, { active: true })
    for (let i = 0; i < 2; i++) await reader.client.next('typing.changed')
    await reader.client.request('typing', room, { active: true })
    for (const { client } of [typing, next]) {
      await client.next('typing.changed')
      t.equal(client.log.filter(({ type }) => type === 'typing.changed').length, 1, 'only what another one sent')
    }
    await typing.client.close(4001)
  })

  t.test('7.3 the connection works as before, and is closed with 1012 after the replies', async (t) => {
    const waiting = two.client.request('wait', channel, { for: 'drained' })
    await two.journal.seen('waiting drained')
    await clock.advanceAsync(10_000)
    two.journal.door('drained').resolve()
    t.match(await waiting, { type: 'ack' })
    t.strictSame(await two.client.closed, { code: 1012, reason: 'server is restarting' })
    await ended
  })
})

/** The package's client, which connects to each of the servers in turn, and to the last one from then on. */
function connectInTurn (t: Test, token: string, servers: readonly string[]) {
  const left = [...servers]
  const acks: number[] = []
  class InTurn extends WebSocket {
    constructor (_url: string, protocols: string[]) {
      super(`${left.length > 1 ? left.shift() : left[0]}/ws/lab`, protocols)
      const number = acks.push(0) - 1
      const isAck = (data: unknown) => String(data).startsWith('{"type":"ack"')
      this.on('message', (data) => { acks[number] = Number(acks[number]) + Number(isAck(data)) })
    }
  }
  const client = connectClient<typeof lab | typeof ledger>('ws://any', { token: () => token, WebSocket: InTurn })
  t.teardown(() => client.close())
  const states: string[] = []
  client.onState((state) => states.push(state))
  return { client, states, acks }
}

t.test('7. a client that moves', async (t) => {
  const hub = new MemoryHub()
  const shared = { jwt: { secret: 'for both nodes' } }
  const drain = { spread: 0, timeout: 20_000 }
  const old = await serveDemo(t, { ...shared, adapter: new MemoryAdapter(hub), drain })
  const next = await serveDemo(t, { ...shared, adapter: new MemoryAdapter(hub) })
  const { journal, client: spy } = await old.connect('spy', undefined, '/ws/lab')
  await spy.close()
  const other = await next.connect('other', 'ledger/m', '/ws/lab')
  const { token } = await old.identity('mover')
  const { client, states, acks } = connectInTurn(t, token, [old.url, next.url])
  const seen = { written: [] as string[], hinted: 0 }
  const options = { onResync: 'ignore', on: { written: (m: { text: string }) => seen.written.push(m.text) } } as const
  const book = await client.join('ledger/:id', { id: 'm' }, options)
  book.on('hinted', () => { seen.hinted++ })
  const desk = await client.join('lab/:id', { id: 'm' })
  states.length = 0
  const order: string[] = []
  const waiting = desk.send('wait', { for: 'moved' }).then(() => order.push('wait'))
  await journal.seen('waiting moved')
  const drained = old.app.channels.drain()
  await until(() => acks[1] === 2)

  t.test('7.8 a message waits for the replies to the earlier ones on the other connection', async (t) => {
    const note = desk.send('note', { text: 'after' }).then(() => order.push('note'))
    await other.client.request('ping')
    journal.door('moved').resolve()
    await Promise.all([waiting, note])
    t.strictSame(order, ['wait', 'note'])
    t.notOk(journal.events.includes('note after 1'), 'the second one was handled by the next node')
    t.ok(other.journal.events.includes('note after 1'))
  })

  t.test('7.7 it takes each entry and each message once', async (t) => {
    const texts = Array.from({ length: 20 }, (_, i) => `${i}`)
    for (const text of texts) {
      await other.client.request('scribble', 'ledger/m', { text })
      await other.client.request('hint', 'ledger/m')
    }
    await drained
    await until(() => seen.hinted >= 20)
    t.strictSame(seen, { written: texts, hinted: 20 })
  })

  t.test('7.6 it opens the next connection, joins, and closes the old one with 4001 a second later', async (t) => {
    t.strictSame([old.app.registry.size, states, client.state], [0, [], 'open'])
    t.match(old.log.filter(({ msg }) => msg === 'connection closed').at(-1), { code: 4001 })
  })
})

t.test('7. a client without another node', async (t) => {
  t.test('7.10 it keeps its connection, and reconnects after 1012', async (t) => {
    const { app, url, identity } = await serveDemo(t, { drain: { timeout: 100 } })
    const { token } = await identity('stays')
    const { client, states } = connectInTurn(t, token, [url])
    const desk = await client.join('lab/:id', { id: 'm' })
    states.length = 0
    const drained = app.channels.drain()
    await desk.send('nothing')
    t.strictSame(states, [])
    await drained
    await until(() => states.length > 0)
    t.strictSame(states, ['connecting'])
  })
})

t.test('7. a client that lost its connection', async (t) => {
  t.test('7.11 it drops what another node brings late', async (t) => {
    const server = new WebSocketServer({ port: 0, handleProtocols: (offers) => [...offers][0] as string })
    t.teardown(() => server.close())
    const said: number[][] = [[1, 3], [2, 3, 4]]
    server.on('connection', (socket) => {
      const numbers = said.shift() ?? []
      const send = (envelope: object) => socket.send(JSON.stringify(envelope))
      const limits = { messageBytes: 1_000, channelLength: 100, depth: 10 }
      send({ type: 'welcome', payload: { connectionId: `c${said.length}`, limits, patterns: ['lab/:id'] } })
      socket.on('message', (data) => {
        const { type, channel, correlationId } = JSON.parse(String(data)) as Envelope
        send({ type: 'ack', channel, correlationId, payload: {} })
        if (type !== 'join') return
        for (const n of numbers) send({ type: 'noted', channel, payload: { text: `${n}` }, id: `node.${n}` })
        if (said.length > 0) socket.close(1012)
      })
    })
    const { client } = connectInTurn(t, 'token', [`ws://127.0.0.1:${(server.address() as AddressInfo).port}`])
    const seen: string[] = []
    await client.join('lab/:id', { id: 'm' }, { on: { noted: ({ text }) => seen.push(text) } })
    await until(() => seen.includes('4'))
    t.strictSame(seen, ['1', '3', '4'])
  })
})

interface Told extends Position {
  recovered: boolean
  reason?: string
  snapshot?: SentSnapshot
  messages: Envelope[]
  idempotent?: string[]
}

const toldBy = ({ payload }: Envelope) => payload as Told
const textsOf = (messages: readonly Envelope[]) => messages.map(({ payload }) => (payload as { text: string }).text)
const positionOf = ({ epoch, offset, hash }: Position): Position => ({ epoch, offset, hash })

t.test('8. logs and recovery', async (t) => {
  const { connect, app } = await serveDemo(t)
  const a = 'ledger/a'
  const { client, token } = await connect('ann', undefined, '/ws/lab')
  const other = (await connect('bob', undefined, '/ws/lab')).client
  const write = async (texts: readonly string[], channel = a) => {
    for (const text of texts) {
      await client.request(
        'scribble', channel, { text }
      )
    }
  }
  const rejoin = async (since?: unknown, channel = a) => {
    const again = (await connect('ann', undefined, '/ws/lab', token)).client
    return await again.request('join', channel, since && { since })
  }
  const start = toldBy(await client.request('join', a))
  await other.request('join', a)

  t.test('8.1 persistent messages carry their position, ephemeral ones an id; all get them in one order', async (t) => {
    const [first, second] = await Promise.all([
      client.request('scribble', a, { text: '1' }), other.request('scribble', a, { text: '2' })
    ])
    t.match([first, second], [{ type: 'ack' }, { type: 'ack' }])
    for (const reader of [client, other]) {
      const [one, two] = [await reader.next('written'), await reader.next('written')]
      t.match(
        [one, two],
        [
          { offset: 1, id: String, hash: String, prev: '' },
          { offset: 2, id: String, hash: String, prev: (one as Envelope & EntryPosition).hash }
        ]
      )
    }
    t.strictSame(
      client.log.filter(({ type }) => type === 'written'), other.log.filter(({ type }) => type === 'written')
    )
    await client.request('hint', a)
    t.strictSame(Object.keys(await other.next('hinted')), ['type', 'channel', 'id'])
  })

  t.test('8.2 an empty history has the position 0, with an empty hash', async (t) => {
    const { payload } = await client.request('join', 'ledger/empty')
    t.strictSame({ ...payload as object, epoch: '' }, {
      idempotent: ['write'], epoch: '', offset: 0, hash: '', recovered: false, reason: 'fresh', messages: []
    })
    t.equal(toldBy(await rejoin(positionOf(payload as Told), 'ledger/empty')).recovered, true, 'a client returns to it')
  })

  t.test('8.2 a join tells where the log stands, and goes on from there', async (t) => {
    const told = toldBy(await rejoin())
    t.match(told, { epoch: start.epoch, offset: 2, hash: String, recovered: false })
  })

  t.test('8.3 who joins anew gets the snapshot and all after it, else the newest messages', async (t) => {
    await write(['3', '4', '5'])
    const told = toldBy(await rejoin())
    t.match(
      told,
      {
        recovered: false,
        reason: 'fresh',
        messages: [{ type: 'written', channel: a, offset: 3 }, { offset: 4 }, { offset: 5 }]
      }
    )
    t.notOk('snapshot' in told)
    const b = 'ledger/b'
    await client.request('join', b)
    await client.request('keep', b, { count: 7 })
    await write(['x', 'y', 'z', 'last'], b)
    const kept = toldBy(await rejoin(undefined, b))
    t.match(kept.snapshot, { offset: 1, hash: String, state: { count: 7 } })
    t.strictSame(textsOf(kept.messages), ['x', 'y', 'z', 'last'])
  })

  t.test('8.4 who says where it was gets what it missed', async (t) => {
    const told = toldBy(await rejoin(positionOf(start)))
    t.match(told, { recovered: true, offset: 5 })
    t.strictSame([told.reason, textsOf(told.messages).sort()], [undefined, ['1', '2', '3', '4', '5']])
    t.strictSame(toldBy(await rejoin(positionOf(told))).messages, [], 'or nothing')
    for (const bad of [
      { epoch: 1 }, 'x', { epoch: 'x', offset: -1, hash: '' }
    ]) t.match((await rejoin(bad)).payload, { code: 'invalid_payload' })
  })

  t.test('8.5 why that cannot be told has a name', async (t) => {
    const top = toldBy(await rejoin())
    const reasonOf = async (since: Position, channel = a) => {
      const { recovered, reason } = toldBy(await rejoin(since, channel))
      return !recovered && reason
    }
    t.equal(await reasonOf({ ...positionOf(top), epoch: 'another' }), 'epoch')
    t.equal(await reasonOf({ ...positionOf(top), offset: top.offset + 1 }), 'future')
    t.equal(await reasonOf({ ...positionOf(top), hash: 'another' }), 'fork')
    t.equal(await reasonOf({ ...positionOf(top), offset: 2, hash: 'another' }), 'fork')
    const room = app.rooms.of(ledger, { id: 'long' })
    const first = await room.broadcast('written', { text: 'first' })
    for (let i = 0; i < 1_001; i++) await room.broadcast('written', { text: `${i}` })
    t.equal(await reasonOf(positionOf(first), 'ledger/long'), 'limit')
    for (let i = 0; i < 2_000; i++) await room.broadcast('written', { text: `${i}` })
    t.equal(await reasonOf(positionOf(first), 'ledger/long'), 'limit', 'trimmed or not is all one, beyond the bound')
    const small = app.rooms.of(chat, { room: 'old' })
    const posted = { id: '1', from: 'x', name: 'x', text: 'x', at: 0 }
    const lost = await small.broadcast('message.posted', posted)
    for (let i = 0; i < 501; i++) await small.broadcast('message.posted', posted)
    const cy = (await connect('cy')).client
    t.match(
      (await cy.request('join', 'chat/old', { since: positionOf(lost) })).payload,
      { recovered: false, reason: 'trimmed' }
    )
  })

  t.test('8.6 a join with a position is authorised as any other', async (t) => {
    t.match((await rejoin(positionOf(start), 'ledger/secret')).payload, { code: 'forbidden' })
  })

  t.test('8.8 the ack carries the offset of what was appended', async (t) => {
    const ack = await client.request('scribble', a, { text: 'last' })
    t.equal(ack.offset, (await app.rooms.of(ledger, { id: 'a' }).read()).position.offset)
    t.notOk('offset' in await client.request('hint', a))
    const unwatched = await client.request('overlook', a)
    t.equal(
      unwatched.offset,
      (await app.rooms.of(ledger, { id: 'a' }).read()).position.offset,
      'though the handler did not wait for it'
    )
  })
})

t.test('8. a client that reads too slowly', async (t) => {
  const { connect, app } = await serveDemo(t)

  t.test('8.7 gets a resync with the reason slow instead of what it missed, and live messages go on', async (t) => {
    const { client } = await connect('ann', 'metrics', '/ws/dashboard')
    const board = app.rooms.of(metrics, {})
    const change = (size: number) => ({ at: 0, by: 'test', set: {}, del: ['x'.repeat(size)] })
    client.webSocket.pause()
    // More than the kernel keeps for a connection.
    for (let i = 0; i < 240; i++) {
      await board.broadcast('changed', change(90_000))
      await nextIteration()
    }
    const { offset } = await board.broadcast('changed', change(1))
    client.webSocket.resume()
    let resync = await client.next('resync')
    while (toldBy(resync).offset < offset) resync = await client.next('resync')
    t.match(resync, { channel: 'metrics', payload: { reason: 'slow', epoch: String, hash: String, messages: Array } })
    t.ok(client.log.filter(({ type }) => type === 'changed').length < 241, 'messages were left out')
    const mark = client.log.indexOf(resync)
    await board.broadcast('changed', change(2))
    await client.request('ping')
    t.match(client.log.slice(mark).find(({ type }) => type === 'changed'), { prev: toldBy(resync).hash })
  })
})

t.test('8. while the log is away', async (t) => {
  const adapter = new MemoryAdapter()
  const away = async () => { throw new Error('away') }
  let isAway = true
  const read = adapter.history.read.bind(adapter.history)
  adapterWith({
    status: { state: 'degraded', since: 0, reason: 'a test' },
    history: { read: (...args) => isAway ? away() : read(...args) }
  }, adapter)
  const { connect, app } = await serveDemo(t, { adapter })
  const { client } = await connect('ann', undefined, '/ws/lab')
  const joined = await client.request('join', 'ledger/a')

  t.test('8.9 a join is acked without a position, and resync follows', async (t) => {
    t.strictSame(joined.payload, { idempotent: ['write'] })
    await app.rooms.of(ledger, { id: 'a' }).broadcast('written', { text: 'before' })
    isAway = false
    const resync = await client.next('resync')
    t.match(resync, { channel: 'ledger/a', payload: { offset: 1, reason: 'fresh' } })
    t.strictSame(textsOf(toldBy(resync).messages), ['before'])
    isAway = true
    t.match(await app.rooms.of(ledger, { id: 'a' }).read().catch((error: unknown) => error), { code: 'unavailable' })
  })

  t.test('8.7 a resync replaces what was known, and live messages go on from it', async (t) => {
    isAway = false
    const { position } = await app.rooms.of(ledger, { id: 'a' }).read()
    await app.rooms.of(ledger, { id: 'a' }).broadcast('written', { text: 'after' })
    t.match(await client.next('written'), { offset: 2, prev: position.hash })
  })
})

t.test('8.10 an error after an append has the offset of the entry', async (t) => {
  const { client } = await (await serveDemo(t)).connect('ann', 'ledger/d', '/ws/lab')
  const failing = () => client.request('write', 'ledger/d', { text: 'fail' }, 'm1')
  t.match(await failing(), { type: 'error', payload: { code: 'internal', appended: 1 } })
  t.match(await failing(), { type: 'ack', offset: 1 })
  t.notOk('appended' in ((await client.request('write', 'ledger/d', 5)).payload as object))
})

t.test('8. history', async (t) => {
  const { connect, app } = await serveDemo(t)
  const room = app.rooms.of(ledger, { id: 'old' })
  for (let i = 1; i <= 120; i++) await room.broadcast('written', { text: String(i) })
  const { client } = await connect('ann', undefined, '/ws/lab')
  const { payload } = await client.request('join', 'ledger/old')
  const { epoch, offset, hash } = payload as Position
  const page = async (request?: object) => {
    const { payload } = await client.request('history', 'ledger/old', request)
    return payload as { messages: EntryPosition[], hasMore: boolean, code?: string, position: Position }
  }

  t.test('8.11 history gets the entries before an offset, in order, and says whether it has older ones', async (t) => {
    const { messages, hasMore, position } = await page({ before: 118, limit: 2 })
    const first = { type: 'written', channel: 'ledger/old', payload: { text: '116' }, offset: 116 }
    t.match(messages, [first, { offset: 117 }])
    t.equal(messages[1]?.prev, messages[0]?.hash)
    t.strictSame([hasMore, position], [true, { epoch, offset, hash }])
    const newest = await page()
    t.strictSame([newest.messages.length, newest.messages.at(-1)?.offset], [100, 120])
    const last = await page({ before: newest.messages[0]?.offset })
    t.strictSame([last.messages.length, last.messages[0]?.offset, last.hasMore], [20, 1, false])
    t.match(await page({ before: 1 }), { messages: [], hasMore: false })
    for (const wrong of [{ before: -1 }, { before: 1.5 }, { before: 2 ** 53 }, { limit: 0 }, { limit: 101 }, 'x']) {
      t.equal((await page(wrong as object)).code, 'invalid_payload')
    }
  })

  t.test('8.12 it needs membership, a history, and the epoch of the client', async (t) => {
    const stranger = (await connect('bob', undefined, '/ws/lab')).client
    t.match(await stranger.request('history', 'ledger/old'), { payload: { code: 'not_joined' } })
    t.match(await stranger.request('history', 'ledger/OLD'), { payload: { code: 'unknown_channel' } })
    await stranger.request('join', 'lab/x')
    t.match(await stranger.request('history', 'lab/x'), { payload: { code: 'no_history' } })
    t.equal((await page({ epoch })).messages.length, 100)
    await room.clear()
    t.match(await page({ epoch }), { code: 'epoch_changed' })
    t.match(await page(), { messages: [], hasMore: false })
  })

  t.test('8.13 it counts as a message', async (t) => {
    const { connect } = await serveDemo(t, { limits: { messages: { max: 3, timeWindow: 60_000 } } })
    const { client } = await connect('cy', 'ledger/few', '/ws/lab')
    const replies = await Promise.all([1, 2, 3, 4].map(() => client.request('history', 'ledger/few')))
    t.strictSame(replies.map(({ type }) => type).sort(), ['ack', 'ack', 'ack', 'error'])
  })
})

t.test('9. once', async (t) => {
  const { connect, app } = await serveDemo(t)
  const c = 'ledger/c'
  const { client, token, journal } = await connect('ann', undefined, '/ws/lab')
  const joined = await client.request('join', c)
  const elsewhere = async (identity?: string) => {
    const again = (await connect('ann', undefined, '/ws/lab', identity)).client
    await again.request('join', c)
    return again
  }
  const written = async () =>
    (await app.rooms.of(ledger, { id: 'c' }).read()).messages.map(({ payload }) => (payload as { text: string }).text)

  t.test('9.1 the same message again has no second effect and the same reply', async (t) => {
    const first = await client.request('write', c, { text: 'one' }, 'm1')
    t.match(first, { type: 'ack', payload: { run: 1 }, offset: 1 })
    t.strictSame(await client.request('write', c, { text: 'one' }, 'm1'), first)
    t.strictSame(
      await (await elsewhere(token)).request('write', c, { text: 'one' }, 'm1'),
      first,
      'over another connection as well'
    )
    t.strictSame(await written(), ['one'])
    t.match(
      await (await elsewhere()).request('write', c, { text: 'one' }, 'm1'),
      { type: 'ack', payload: { run: 2 } },
      'another user has ids of their own'
    )
    t.strictSame(await written(), ['one', 'one'])
  })

  t.test('9.2 another content under the same id is a conflict', async (t) => {
    t.match((await client.request('write', c, { text: 'two' }, 'm1')).payload, { code: 'conflict' })
    t.match((await (await elsewhere(token)).request('write', c, { text: 'two' }, 'm1')).payload, { code: 'conflict' })
  })

  t.test('9.3 who comes while the first is being handled waits for its outcome', async (t) => {
    const first = client.request('write', c, { text: 'late' }, 'm2')
    await journal.seen('writing late')
    const again = await elsewhere(token)
    t.match((await again.request('write', c, { text: 'too late' }, 'm2')).payload, { code: 'conflict' })
    const second = again.request('write', c, { text: 'late' }, 'm2')
    await again.request('ping')
    journal.door('late').resolve()
    t.strictSame(await first, await second)
    t.equal((await written()).filter((text) => text === 'late').length, 1)
  })

  t.test('9.4 what failed is handled anew, and what it had done already is not done again', async (t) => {
    const { connect, app } = await serveDemo(t)
    const { client } = await connect('ann', 'ledger/c', '/ws/lab')
    t.match(await client.request('write', c, { text: 'fail' }, 'm3'), { type: 'error', payload: { code: 'internal' } })
    t.match(await client.request('write', c, { text: 'fail' }, 'm3'), { type: 'ack', payload: { run: 2 } })
    t.equal((await app.rooms.of(ledger, { id: 'c' }).read()).messages.length, 1)
  })

  t.test('9.5 a join lists the types', async (t) => {
    t.strictSame(toldBy(joined).idempotent, ['write'])
  })

  t.test('9.6 without an id it is a message like any other', async (t) => {
    const before = (await written()).length
    for (let i = 0; i < 2; i++) client.send({ type: 'write', channel: c, payload: { text: 'plain' } })
    await client.request('write', c, { text: 'end' })
    t.strictSame((await written()).slice(before), ['plain', 'plain', 'end'])
  })
})

t.test('wire schemas: all that the server sent above, and all that it acked, matches its JSON Schema', async (t) => {
  const checks = await ajvChecks()
  const isAcked = (record: readonly WireMessage[], { correlationId }: Envelope) => correlationId != null &&
    record.some(({ message }) => message.type === 'ack' && message.correlationId === correlationId)
  const tried = records.flatMap((record) => record.filter(({ schema, message }) =>
    schema.startsWith('fromServer.') || isAcked(record, message)))
  t.strictSame(tried.filter(({ schema, message }) => !checks.get(schema)?.(message)), [])
  const names = new Set(tried.map(({ schema }) => schema))
  t.strictSame([...checks.keys()].filter((name) => !names.has(name)), [], 'all kinds were sent')
})

t.test('every numbered rule has its test', async (t) => {
  const read = (path: string) => readFileSync(root + path, 'utf8')
  const rules = [...read('docs/protocol.md').matchAll(/^(?:- \*\*|\| )(\d\.\d+)/gm)].map(([, rule]) => rule)
  t.ok(rules.length > 20)
  for (const rule of rules) t.ok(read('test/routes/protocol.test.ts').includes(`t.test('${rule} `), String(rule))
})

function statusOf (http: string, headers: Record<string, string>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    httpRequest(`${http}/ws/chat`, { headers }, (response: IncomingMessage) => {
      response.resume()
      resolve(response.statusCode)
    }).on('error', reject).end()
  })
}
