import { once } from 'node:events'
import t from 'tap'
import { setImmediate as turn } from 'node:timers/promises'
import { MemoryAdapter } from '../../../lib/memory/memory-adapter.ts'
import { MemoryPresence } from '../../../lib/memory/memory-presence.ts'
import { FakeClock } from '../../../lib/testing/fake-clock.ts'
import type { Connection } from '../../../lib/connection/connection.ts'
import type { Router } from '../../../lib/server/router.ts'
import { Session } from '../../../lib/server/session/session.ts'
import type { SessionDeps } from '../../../lib/server/session/session-deps.ts'
import type { TestClient } from '../../../lib/testing/test-client.ts'
import { lab, own } from '../../support/lab.ts'
import { serveLab } from '../../support/serve.ts'
import { adapterWith } from '../../support/adapter-with.ts'

const channel = 'lab/a'

async function joined (
  connect: (name: string) => Promise<TestClient>, name: string, address = channel
): Promise<TestClient> {
  const client = await connect(name)
  await client.request('join', address)
  return client
}

t.test('replies', async (t) => {
  const { connect, log, logged } = await serveLab(t)
  const client = await joined(connect, 'ann')

  t.test('reply: it carries the result of the handler, projected to the declared schema', async (t) => {
    t.strictSame((await client.request('leak', channel)).payload, { id: '1' })
    t.strictSame((await client.request('echo', channel, { value: 3 })).payload, { value: 3 })
    t.strictSame(
      await client.request('nothing', channel, undefined, 'n1'), { type: 'ack', channel, correlationId: 'n1' }
    )
  })

  t.test('reply: it is `internal` when the handler throws, rejects, or returns an undeclared value', async (t) => {
    for (const type of ['fail', 'reject', 'lie']) {
      const { type: kind, payload } = await client.request(type, channel)
      t.equal(kind, 'error')
      t.strictSame(payload, { code: 'internal', message: 'the server failed to handle the message' })
    }
    const line = await logged('a handler failed')
    t.match(
      line,
      {
        level: 50,
        connection: /^[0-9a-f-]{36}$/,
        user: 'id-of-ann',
        type: 'fail',
        channel,
        correlationId: String,
        err: { message: /on purpose/ }
      }
    )
    t.match(
      log.filter(({ msg }) => msg === 'a handler failed')[2],
      { err: { message: /fromClient 'lie', reply\/id: Expected string/ } }
    )
    t.match((await client.request('echo', channel, { value: 1 })).payload, { value: 1 }, 'the next message is handled')
  })

  t.test('reply: it is the declared error that the handler throws', async (t) => {
    t.strictSame(
      (await client.request('refuse', channel)).payload, { code: 'muted', message: 'muted', details: { until: 7 } }
    )
  })

  t.test('reply: a message without correlationId gets one only for an error', async (t) => {
    const before = client.log.length
    client.send({ type: 'nothing', channel })
    client.send({ type: 'refuse', channel })
    t.strictSame(
      await client.next('error'),
      { type: 'error', channel, payload: { code: 'muted', message: 'muted', details: { until: 7 } } }
    )
    t.equal(client.log.length, before + 1)
  })
})

t.test('handler context', async (t) => {
  const { connect, app, logged } = await serveLab(t)
  const client = await joined(connect, 'ann')

  t.test('ctx.send: it reaches its own connection only', async (t) => {
    const other = await joined(connect, 'bob')
    await client.request('whisper', channel, { text: 'psst' })
    t.strictSame(await client.next('whispered'), { type: 'whispered', channel, payload: { text: 'psst' } })
    t.strictSame(await client.next('bell'), { type: 'bell', channel })
    await other.request('ping')
    t.notOk(other.log.some(({ type }) => type === 'whispered'))
    t.match(await logged('whispering'), { id: 'a', channel, connection: /./, user: 'id-of-ann' })
  })

  t.test('ctx.state: it is kept until the membership ends', async (t) => {
    await client.request('note', channel, { text: 'one' })
    await client.request('note', channel, { text: 'two' })
    t.match((await client.next('noted')).payload, { text: 'one', messageId: /^[0-9a-f-]{36}$/ })
    await client.request('leave', channel)
    await client.request('join', channel)
    await client.request('note', channel, { text: 'three' })
    t.match(await client.next('noted'), { payload: { text: 'two' } })
  })

  t.test('room.broadcast: it refuses undeclared types and payloads', async (t) => {
    const room = app.rooms.of(lab, { id: 'a' })
    // @ts-expect-error: not a message of the contract
    await t.rejects(room.broadcast('nonsense', {}), { message: /declares no message 'nonsense'/ })
    // @ts-expect-error: not the declared payload
    await t.rejects(room.broadcast('noted', { text: 1 }), {
      code: 'FST_CHANNELS_OUTGOING',
      message: "invalid outgoing value in channel 'lab/:id', fromServer 'noted', payload/text: Expected string"
    })
  })
})

t.test('order and timeouts', async (t) => {
  const clock = new FakeClock()
  const { connect, journal, log } = await serveLab(t, { clock, receiveQueueLimit: 4, handlerTimeout: 1000 })
  const client = await joined(connect, 'ann')

  t.test('session: each channel is handled in order and waits for no other channel', async (t) => {
    await client.request('join', 'lab/b')
    const first = client.request('wait', channel, { for: 'first' }, 'first')
    const second = client.request('echo', channel, { value: 2 }, 'second')
    t.match(await client.request('echo', 'lab/b', { value: 9 }), { payload: { value: 9 } })
    t.match(await client.request('ping'), { type: 'ack' }, 'a ping is acked at once')
    journal.door('first').resolve()
    await Promise.all([first, second])
    const replies = client.log.filter(({ type }) => type === 'ack').slice(-2).map(({ correlationId }) => correlationId)
    t.strictSame(replies, ['first', 'second'])
  })

  t.test('session: a handler that never settles gets `timeout`, and the next message is handled', async (t) => {
    const stuck = client.request('wait', channel, { for: 'never' })
    const behind = client.request('echo', channel, { value: 5 })
    await journal.seen('waiting never')
    await turn()
    clock.advance(1000)
    t.match(await stuck, { type: 'error', payload: { code: 'timeout' } })
    t.equal(journal.signals.at(-1)?.aborted, true)
    t.match(await behind, { type: 'ack', payload: { value: 5 } })
    journal.door('never').reject(new Error('too late to matter'))
    t.match(await client.request('ping'), { type: 'ack' })
  })

  t.test('session: a handler that returns after its timeout sends no second reply', async (t) => {
    const late = client.request('wait', channel, { for: 'late' }, 'late')
    await journal.seen('waiting late')
    await turn()
    clock.advance(1000)
    t.match(await late, { type: 'error', payload: { code: 'timeout' } })
    journal.door('late').resolve()
    await journal.seen('done late')
    t.match(await client.request('nothing', channel), { type: 'ack' })
    t.equal(client.log.filter(({ correlationId }) => correlationId === 'late').length, 1)
  })

  t.test('session: a full receive queue pauses the socket, and no message is lost', async (t) => {
    const replies = [client.request('wait', channel, { for: 'full' })]
    for (let value = 0; value < 20; value++) replies.push(client.request('echo', channel, { value }))
    await journal.seen('waiting full')
    const ping = client.request('ping')
    journal.door('full').resolve()
    t.strictSame(
      (await Promise.all(replies)).slice(1).map(({ payload }) => (payload as { value: number }).value),
      Array.from({ length: 20 }, (_, i) => i)
    )
    t.match(await ping, { type: 'ack' })
  })

  t.test('session: the waiting messages of a closed connection are not handled', async (t) => {
    const gone = await joined(connect, 'cy')
    gone.send({ type: 'wait', channel, payload: { for: 'gone' } })
    gone.send({ type: 'note', channel, payload: { text: 'never' } })
    await journal.seen('waiting gone')
    const aborted = once(journal.signals.at(-1) as AbortSignal, 'abort')
    gone.terminate()
    await aborted
    t.notOk(journal.events.includes('left a disconnected'), 'left() waits for the running handler')
    journal.door('gone').resolve()
    await journal.seen('left a disconnected')
    t.notOk(journal.events.includes('note never 1'))
    t.notOk(log.some(({ level }) => level >= 50))
  })
})

t.test('joins', async (t) => {
  const clock = new FakeClock()
  const { connect, journal, app, logged } = await serveLab(t, { clock, handlerTimeout: 1000 })

  t.test('join: when its connection closes before it is done, no room and no member remain', async (t) => {
    const client = await connect('ann')
    client.send({ type: 'join', channel: 'lab/slow1', correlationId: 'j' })
    await client.request('ping')
    client.terminate()
    await logged('connection closed')
    journal.door('slow1').resolve()
    await turn()
    await turn()
    t.equal(app.rooms.size, 0)
    t.equal(app.registry.size, 0)
    t.notOk(journal.events.includes('joined slow1'))
  })

  t.test('join: one that exceeds the handler timeout gets `timeout`, and the connection is no member', async (t) => {
    const client = await connect('bob')
    const join = client.request('join', 'lab/slow2')
    await client.request('ping')
    clock.advance(1000)
    t.match(await join, { type: 'error', payload: { code: 'timeout' } })
    journal.door('slow2').resolve()
    t.match(await client.request('nothing', 'lab/slow2'), { payload: { code: 'not_joined' } })
    t.equal(app.rooms.size, 0)
  })

  t.test('join: an error of joined() is logged, and the connection stays a member', async (t) => {
    const client = await connect('cy')
    t.match(await client.request('join', 'lab/broken'), { type: 'ack' })
    t.match(await logged('a handler failed'), { type: 'join', channel: 'lab/broken', err: { message: /joined/ } })
    t.match(await client.request('leave', 'lab/broken'), { type: 'ack' })
    t.match(await logged('left() failed'), { channel: 'lab/broken', err: { message: /left/ } })
  })

  t.test('join: a failed broadcast of joined() is logged, although joined() does not await it', async (t) => {
    const client = await connect('cy')
    t.match(await client.request('join', 'lab/invalid'), { type: 'ack' })
    t.match(await logged('a broadcast failed'), { type: 'noted', err: { code: 'FST_CHANNELS_OUTGOING' } })
  })
})

t.test('join: an attempt that timed out does not withdraw the presence of the next one', async (t) => {
  const clock = new FakeClock()
  const adapter = new MemoryAdapter()
  const { presence } = adapter
  const attempts: string[] = []
  let proceed = () => {}
  const reached = new Promise<void>((resolve) => { proceed = resolve })
  const exited: string[] = []
  const slowAtFirst = adapterWith({
    presence: {
      enter: async (channel, entry) => {
        if (attempts.push(entry.connection) === 1) await reached
        return MemoryPresence.prototype.enter.call(presence, channel, entry)
      },
      exit: async (channel, connection, graceMs) => {
        exited.push(connection)
        return MemoryPresence.prototype.exit.call(presence, channel, connection, graceMs)
      }
    }
  }, adapter)
  const { connect, app } = await serveLab(t, { clock, handlerTimeout: 1000, adapter: slowAtFirst })
  const client = await connect('ann')
  const first = client.request('join', channel)
  await client.request('ping')
  clock.advance(1000)
  t.match(await first, { type: 'error', payload: { code: 'timeout' } }, 'the first attempt times out')
  t.match(await client.request('join', channel), { type: 'ack' }, 'the second attempt succeeds')
  proceed()
  while (exited.length === 0) await turn()
  t.equal(await app.rooms.of(lab, { id: 'a' }).count(), 1, 'the member is present')
  await client.request('leave', channel)
  t.equal(await app.rooms.of(lab, { id: 'a' }).count(), 0, 'nothing remains of either attempt')
  t.strictSame(exited, attempts, 'each attempt withdraws its own presence')
})

t.test('rooms.of', async (t) => {
  const { connect, app, journal } = await serveLab(t)
  const ann = await joined(connect, 'ann')
  const bob = await joined(connect, 'bob')
  const room = app.rooms.of(lab, { id: 'a' })

  t.test('room.broadcast: `except` leaves one connection out', async (t) => {
    const [first] = (await room.members()).results
    await room.broadcast('noted', { text: 'from outside' }, { except: { id: String(first?.connectionId) } })
    t.match(await bob.next('noted'), { type: 'noted', channel, payload: { text: 'from outside' } })
    await ann.request('ping')
    t.notOk(ann.log.some(({ type }) => type === 'noted'))
  })

  t.test('room.members and room.count: they cover all connections', async (t) => {
    t.equal(await room.count(), 2)
    t.strictSame((await room.members()).results.map(({ userId }) => userId), ['id-of-ann', 'id-of-bob'])
    t.equal(room.channel, channel)
  })

  t.test('room.remove: it takes a user or a connection out of the channel', async (t) => {
    t.strictSame(await room.remove({ userId: 'id-of-bob' }), { connections: 1, missing: [] })
    t.strictSame(await bob.next('left'), { type: 'left', channel, payload: { code: 'removed' } })
    t.match(await ann.next('presence'), { payload: { joined: [{ user: 'id-of-bob' }] } })
    t.strictSame((await ann.next('presence')).payload, { left: ['id-of-bob'] })
    await journal.seen('left a removed')
    const [last] = (await room.members()).results
    t.match(await room.remove({ connectionId: String(last?.connectionId) }, 'banned'), { connections: 1 })
    t.match(await ann.next('left'), { payload: { code: 'banned' } })
    t.match(await room.remove({ userId: 'id-of-bob' }), { connections: 0 })
    t.equal(app.rooms.size, 0)
  })

  t.test('rooms.of: it refuses another contract for the same addresses and invalid params', async (t) => {
    t.throws(
      () => app.rooms.of({ ...lab }, { id: 'a' }),
      {
        code: 'FST_CHANNELS_CONTRACT',
        message: /^an overlap with the pattern 'lab\/:id' in channel 'lab\/:id': /
      }
    )
    t.throws(() => app.rooms.of(lab, { id: 'A' }), { message: /^invalid params\/id of the channel 'lab\/:id': / })
  })
})

t.test('registry', async (t) => {
  const { connect, app } = await serveLab(t)
  const [first, second] = await Promise.all([connect('ann'), connect('ann')])
  await connect('bob')

  t.test('registry: it has every connection of the node', async (t) => {
    await first.request('join', channel)
    const [info] = app.registry.ofUser('id-of-ann')
    t.match(info, { userId: 'id-of-ann', user: { name: 'ann' }, ip: '127.0.0.1', messagesIn: 1, messagesOut: 2 })
    t.ok(info && info.bytesIn > 0 && info.bytesOut > 0 && info.lastSeen >= info.connectedAt)
    t.strictSame([...info?.channels ?? []], [channel])
    t.equal(app.registry.get(String(info?.id)), info)
    t.equal(app.registry.get('nobody'), undefined)
    t.equal(app.registry.size, 3)
    t.equal(app.registry.all().length, 3)
  })

  t.test('registry.send: it reaches all connections of a user', async (t) => {
    t.strictSame(
      await app.registry.send('id-of-ann', own, 'greeting', { text: 'hello' }), { connections: 2, missing: [] }
    )
    for (const client of [first, second]) {
      t.match(await client.next('greeting'), { type: 'greeting', payload: { text: 'hello' } })
    }
    t.match(await app.registry.send('nobody', own, 'greeting', { text: 'hello' }), { connections: 0 })
  })

  t.test('registry.disconnect: it closes the connections of a user, or one connection', async (t) => {
    const [info] = app.registry.ofUser('id-of-bob')
    t.match(await app.registry.disconnect({ connectionId: String(info?.id) }), { connections: 1, missing: [] })
    t.match(await app.registry.disconnect({ connectionId: 'nobody' }), { connections: 0, missing: [] })
    const event = { code: 4001, reason: 'enough' }
    t.match(await app.registry.disconnect({ userId: 'id-of-ann' }, event), { connections: 2, missing: [] })
    t.strictSame(await first.closed, { code: 4001, reason: 'enough' })
  })
})

t.test('session: messages of the connection itself are handled by their contract', async (t) => {
  const { connect, logged } = await serveLab(t)
  const client = await connect('ann')
  t.strictSame(
    await client.request('whoami', undefined, undefined, 'w1'),
    { type: 'ack', payload: { user: 'id-of-ann' }, correlationId: 'w1' }
  )
  t.match(await client.request('nonsense'), { payload: { code: 'unknown_type' } })
  t.match(await client.request('shout'), { payload: { code: 'internal' } }, 'a connection has no room')
  t.match(await logged('a handler failed'), { err: { message: /a connection has no room/ } })
})

t.test('join: it gets `unavailable` when the adapter cannot subscribe, and no room remains', async (t) => {
  const broken = adapterWith({ pubsub: { subscribe: async () => { throw new Error('the line is cut') } } })
  const { connect, app, logged } = await serveLab(t, { adapter: broken })
  const client = await connect('ann')
  t.match((await client.request('join', channel)).payload, { code: 'unavailable', retryAfter: 500 })
  t.match(await logged('a channel cannot be reached'), { level: 40, channel, err: { message: 'the line is cut' } })
  t.equal(app.rooms.size, 0)
  t.match((await client.request('nothing', channel)).payload, { code: 'not_joined' })
})

t.test('session: a message to an unknown address gets `unknown_channel`', async (t) => {
  const { connect } = await serveLab(t)
  const client = await connect('ann')
  t.match((await client.request('nothing', 'lab/a/b')).payload, { code: 'unknown_channel' })
})

t.test('session: while nothing happens on its connection, nothing is made for it', async (t) => {
  // It would fail at the first use of what it does not get here.
  const router = { route: {}, connection: undefined } as unknown as Router
  const session = new Session({} as Connection, router, {} as SessionDeps)
  session.start()
  t.equal(session.sends('said'), false)
  t.equal(session.remove('lab/a', 'removed'), false)
  session.abort()
  await session.reauthorize()
  await session.whenIdle()
  t.equal(session.end(), undefined)
  t.throws(() => session.add('lab/a'))
})
