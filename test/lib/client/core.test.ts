import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import type { TObject, TInteger, TString } from '@sinclair/typebox'
import type { Channel, ConnectionContract } from '../../../lib/contract/define-channel.ts'
import {
  connect as connectCore, errorTexts, explanations, handover, localChecks, onPresence, pageEvents, presence, presenceOf,
  tokenRenewal, type ClientFeature, type CoreChannel
} from '../../../lib/client/core.ts'
import { connect, type ConnectError, type ConnectOptions } from '../../../lib/client/index.ts'
import { FakeClock } from '../../../lib/testing/fake-clock.ts'
import { FakeNetwork } from '../../../lib/testing/fake-web-socket.ts'
import { at, doc as contract, edited, joinDoc, noNetwork, startDoc, typesOf } from '../../support/doc-client.ts'

const address = 'doc/1'
/** The core as a client of every type. */
const core = connectCore as unknown as typeof connect
const withFeatures = (...features: ClientFeature[]) =>
  ((url: string, options?: object) => connectCore(url, { ...options, features })) as unknown as typeof connect

for (const [name, open] of Object.entries({ client: connect, core })) {
  t.test(`core: what the ${name} does`, async (t) => {
    t.test('it recovers from its position, and each message arrives once', async (t) => {
      const { seen, socket, states, reconnect } = await joinDoc(undefined, {}, open)
      socket.say(edited(1))
      const next = await reconnect()
      t.match(next.latest('join'), { channel: address, payload: { since: at(1) } })
      next.ack('join', { ...at(3), recovered: true, messages: [edited(2), edited(3)] })
      next.say(edited(3))
      next.say(edited(4))
      t.strictSame(states, ['open', 'connecting', 'recovering', 'open'])
      t.strictSame(seen.slice(1), [['e1', 1], ['e2', 2], ['e3', 3], 'recovered', ['e4', 4]])
    })

    t.test('it starts again when the server says so, and after a gap', async (t) => {
      const { seen, socket, clock } = await joinDoc(undefined, {}, open)
      socket.say({ type: 'resync', channel: address, payload: { ...at(7, 'b'), reason: 'epoch', messages: [] } })
      t.match(seen.at(-1), { reason: 'epoch', position: at(7, 'b') })
      socket.say(edited(9))
      clock.advance(500)
      t.strictSame(typesOf(socket), ['join', 'leave', 'join'])
      t.match(socket.latest('join'), { payload: { since: at(7, 'b') } })
    })

    t.test('an idempotent message is sent again under one id', async (t) => {
      const { socket, doc, reconnect } = await joinDoc(undefined, {}, open)
      const sent = doc.send('edit', { text: 'x' })
      const look = t.rejects(doc.send('look'), { code: 'disconnected' })
      const next = await reconnect()
      await look
      next.ack('join', { idempotent: ['edit'], ...at(0), recovered: true, messages: [] })
      t.equal(next.latest('edit')?.correlationId, socket.latest('edit')?.correlationId)
      next.ack('edit', 1)
      t.equal(await sent, 1)
    })

    t.test('handles share a membership, and the last one leaves', async (t) => {
      const { socket, doc, join } = await joinDoc(undefined, {}, open)
      const joining = join()
      t.match(socket.latest('join'), { payload: { again: true } })
      socket.ack('join', { ...at(0), recovered: false, reason: 'fresh', messages: [] })
      const other = await joining
      await doc.leave()
      t.strictSame(typesOf(socket), ['join', 'join'])
      const leaving = other.leave()
      socket.ack('leave')
      await leaving
      t.equal(socket.sent.length, 3)
    })

    t.test('a refused join and a refused send are typed errors', async (t) => {
      const { socket, doc, client } = await joinDoc(undefined, {}, open)
      const edit = doc.send('edit', { text: 'x' })
      socket.refuse('edit', { code: 'locked', message: 'locked', details: {} })
      await t.rejects(edit, { code: 'locked', isDeclared: true, channel: address })
      const joining = client.join('doc/:id', { id: '2' }, { onResync: 'ignore' })
      socket.refuse('join', { code: 'forbidden', message: 'not allowed' })
      await t.rejects(joining, { code: 'forbidden', channel: 'doc/2' })
    })
  })
}

t.test('core: a failed attempt is reported with what the platform tells', async (t) => {
  const errors: ConnectError[] = []
  const { network, client, clock } = startDoc({}, core)
  client.onConnectError((error) => errors.push(error))
  await setImmediate()
  network.last.end(1006, 'Unexpected server response: 403')
  clock.advance(500)
  await setImmediate()
  network.last.end(1006)
  t.match(errors, [
    { code: 'connection_failed', reason: 'Unexpected server response: 403', willRetry: true, retryIn: 500 },
    { reason: 'the server is absent or refuses this client', close: { code: 1006 }, retryIn: 1000 }
  ])
  t.equal(client.lastError, errors[1])
  client.close()
})

t.test('core: a server that drains is left when the replies have come, and nothing is missed', async (t) => {
  const { socket, doc, seen, states, clock, network, open } = await joinDoc(undefined, {}, core)
  states.length = seen.length = 0
  const look = doc.send('look')
  socket.say({ type: 'reconnect', payload: { delay: 2_000 } })
  clock.advance(2_000)
  t.equal(socket.closedWith, undefined, 'a reply is awaited')
  socket.ack('look')
  await look
  socket.say(edited(1))
  clock.advance(1_000)
  t.equal(socket.closedWith, 4001, 'the user stays present')
  const edit = doc.send('edit', { text: 'x' })
  clock.advance(500)
  const next = await open()
  t.match(next.sent, [{ type: 'join', channel: address, payload: { since: at(1) } }])
  next.ack('join', { idempotent: ['edit'], ...at(2), recovered: true, messages: [edited(2)] })
  next.ack('edit', 1)
  t.equal(await edit, 1)
  t.strictSame([states, network.sockets.length], [['connecting', 'recovering', 'open'], 2])
  t.strictSame(seen, [['e1', 1], ['e2', 2], 'recovered'])
})

t.test('core: it leaves a channel to which the server adds it', async (t) => {
  const { socket } = await joinDoc(undefined, {}, core)
  socket.say({ type: 'joined', channel: 'doc/3', payload: { ...at(0), recovered: false, messages: [] } })
  t.match(socket.sent.at(-1), { type: 'leave', channel: 'doc/3' })
  socket.say({ type: 'unheard', channel: 'doc/3' })
  t.equal(socket.sent.length, 2)
})

t.test('core: presence follows the server where the feature is passed', async (t) => {
  for (const features of [[], [presence], [handover, presence], [presence, handover]]) {
    const ack = { ...at(0), recovered: false, reason: 'fresh', messages: [], presence: [{ user: 'ann', data: 1 }] }
    const { socket, doc: joined, clock, open } = await joinDoc(ack, {}, withFeatures(...features))
    const doc = joined as unknown as CoreChannel<typeof contract.definition>
    const told: unknown[] = []
    const stop = onPresence(doc, (...args) => told.push(args))
    const say = (user: string, on = socket) =>
      on.say({ type: 'presence', channel: address, payload: { joined: [{ user, data: 2 }] } })
    say('bob')
    const { length } = features
    const both = [{ user: 'ann' }, { user: 'bob' }]
    t.match(told, length ? [[both, { joined: [{ user: 'bob' }], updated: [], left: [] }]] : [])
    t.match(presenceOf(doc), length ? both : [])
    stop()
    socket.say({ type: 'reconnect', payload: { delay: 0 } })
    clock.advance(1_000)
    const next = await open()
    next.ack('join', { ...ack, recovered: true, presence: [{ user: 'eve', data: 1 }] })
    say('dan', next)
    t.match(presenceOf(doc), length ? [{ user: 'eve' }, { user: 'dan' }] : [])
    t.equal(told.length, length && 1, 'a listener that is removed is called no more')
  }
})

t.test('core: a failure has the text of the server, or its code', async (t) => {
  const { socket, doc, client } = await joinDoc(undefined, {}, core)
  const look = doc.send('look')
  socket.refuse('look', { code: 'rate_limited', message: 'too many messages: slow down', retryAfter: 50 })
  await t.rejects(look, { message: 'too many messages: slow down', code: 'rate_limited', retryAfter: 50 })
  client.close()
  await t.rejects(doc.send('look'), { message: 'closed', code: 'closed', type: 'look', channel: address })
})

t.test('core: features can be added, in any order', async (t) => {
  const features = [
    errorTexts, presence, localChecks, tokenRenewal, pageEvents(new EventTarget()), explanations(noNetwork), handover
  ]
  for (const order of [features, features.toReversed()]) {
    const { socket, clock, states, network, doc, open, client } =
      await joinDoc(undefined, { token: () => 't' }, withFeatures(...order))
    await t.rejects(doc.send('edit', { text: 'x'.repeat(70_000) }), { code: 'payload_too_large' })
    await t.rejects(doc.send('edit', { text: 1n as never }), {
      message: "'edit' on 'doc/1' failed with invalid_payload: JSON cannot carry the payload: the bigint in 'text'"
    })
    states.length = 0
    socket.say({ type: 'reconnect', payload: { delay: 0 } })
    clock.advance(0)
    const next = await open()
    next.ack('join', { ...at(0), recovered: true, messages: [] })
    clock.advance(1_000)
    t.strictSame([states, socket.closedWith, network.sockets.length], [[], 4001, 2], 'it moves without a gap')
    next.end(1006)
    clock.advance(1_000)
    await setImmediate()
    network.last.end(1006)
    await setImmediate()
    t.match(client.lastError, { reason: /refuses the origin of this page/ })
    client.close()
    t.equal(clock.pending, 0)
  }
})

t.test('core: without a feature its members are missing at compile time', async (t) => {
  type Room = Channel<{
    pattern: 'room/:id'
    params: TObject<{ id: TString }>
    fromClient: { count: { reply: TInteger } }
    fromServer: { said: { payload: TString } }
    presence: TString
    history: { limit: 10, ttl: 1000 }
  }>
  type Desk = ConnectionContract<{ fromClient: { ask: { reply: TInteger } }, fromServer: {} }>
  const network = new FakeNetwork()
  const options = { WebSocket: network.WebSocket, clock: new FakeClock(), token: () => '' } satisfies ConnectOptions
  const client = connectCore<Room | Desk>('wss://api.test/ws', options)
  await setImmediate()
  network.last.accept()
  const joining = client.join('room/:id', { id: '1' }, { onResync: 'ignore', on: { said: (text) => text.length } })
  network.last.ack('join', { ...at(0), recovered: false, messages: [] })
  const room = await joining
  // @ts-expect-error: only `fastify-channels/client` reads pages of a history
  t.equal(room.history, undefined)
  const names: readonly string[] = presenceOf(room).map(({ data }) => data)
  onPresence(room, (present, change) => [present[0]?.data.length, change?.left])
  t.strictSame(names, [])
  // @ts-expect-error: the core has `presenceOf(room)`
  t.equal(room.presence, undefined)
  // @ts-expect-error: the core has `onPresence(room, listener)`
  t.equal(room.onPresence, undefined)
  // @ts-expect-error: the core has the option `onRecovered` of `join`
  t.equal(room.onRecovered, undefined)
  // @ts-expect-error: the core has the option `onResync` of `join`
  t.equal(room.onResync, undefined)
  // @ts-expect-error: the core has the option `onLeft` of `join`
  t.equal(room.onLeft, undefined)
  // @ts-expect-error: only `fastify-channels/client` resolves with failures
  t.equal(room.trySend, undefined)
  // @ts-expect-error: only `fastify-channels/client` waits for a connection without a message
  t.equal(client.ready, undefined)
  // @ts-expect-error: only `fastify-channels/client` tells of channels to which the server adds it
  t.equal(client.onJoined, undefined)
  // @ts-expect-error: only `fastify-channels/client` renews a token at once
  t.equal(client.refresh, undefined)
  // @ts-expect-error: a misspelt message
  room.send('cuont').catch(() => {})
  client.close()
})
