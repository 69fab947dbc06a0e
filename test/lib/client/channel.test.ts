import { setImmediate } from 'node:timers/promises'
import { Type } from '@sinclair/typebox'
import t from 'tap'
import { connect, RequestError, type ConnectOptions, type ClientState } from '../../../lib/client/index.ts'
import { defineChannel } from '../../../lib/contract/define-channel.ts'
import { FakeClock } from '../../../lib/testing/fake-clock.ts'
import { FakeNetwork } from '../../../lib/testing/fake-web-socket.ts'
import { noNetwork } from '../../support/doc-client.ts'
import { chat } from '../../../routes/chat/chat.contract.ts'

const news = defineChannel({
  pattern: 'news',
  fromClient: { vote: { payload: Type.Integer(), errors: { late: Type.Object({ by: Type.Integer() }) } } },
  fromServer: { item: { payload: Type.String() } }
})

const ann = { user: 'ann', data: { name: 'Ann' } }
const bob = { user: 'bob', data: { name: 'Bob' } }

/** A client whose waits are the longest that the jitter allows. */
function start (options: ConnectOptions = {}) {
  const clock = new FakeClock()
  const network = new FakeNetwork()
  const client = connect<typeof chat | typeof news>('wss://api.test/ws', {
    WebSocket: network.WebSocket, fetch: noNetwork, clock, random: () => 1, ...options
  })
  const open = async () => {
    await setImmediate()
    network.last.accept()
    return network.last
  }
  const reconnect = async () => {
    const before = network.last
    before.end(1006)
    clock.advance(1000)
    const socket = await open()
    if (socket === before) throw new Error('it did not reconnect')
    return socket
  }
  return { clock, network, client, open, reconnect }
}

async function startOpen (options: ConnectOptions = {}) {
  const started = start(options)
  return { ...started, socket: await started.open() }
}

/** In the lobby, with Ann. */
async function startJoined (options: ConnectOptions = {}) {
  const started = await startOpen(options)
  const { client, socket, clock } = started
  const joining = client.join('chat/:room', { room: 'lobby' }, { onResync: () => {} })
  await setImmediate()
  socket.ack('join', { presence: [ann] })
  const lobby = await joining
  clock.advance(0)
  const posted: unknown[] = []
  lobby.on('message.posted', (message) => posted.push(message))
  const left: string[] = []
  lobby.onLeft(({ code }) => left.push(code))
  return { ...started, lobby, posted, left }
}

/** A message in the lobby. */
const posting = (payload: unknown) => ({ type: 'message.posted', channel: 'chat/lobby', payload })

t.test('channel: joining', async (t) => {
  t.test('by pattern and params', async (t) => {
    const { client, socket } = await startOpen()
    const joining = client.join('chat/:room', { room: 'lobby' }, { onResync: () => {} })
    t.match(socket.sent, [{ type: 'join', channel: 'chat/lobby', correlationId: String }])
    socket.ack('join', { presence: [ann] })
    const lobby = await joining
    t.equal(lobby.address, 'chat/lobby')
    t.strictSame(lobby.presence, [ann])
  })

  t.test('by the contract itself', async (t) => {
    const { client, socket } = await startOpen()
    const joining = client.join(chat, { room: 'lobby' }, { onResync: () => {} })
    socket.ack('join', {})
    t.equal((await joining).address, 'chat/lobby')
  })

  t.test('a channel without params', async (t) => {
    const { client, socket } = await startOpen()
    const joining = client.join(news)
    socket.ack('join')
    t.match(await joining, { address: 'news', presence: [] })
  })

  t.test('a param that would name another channel is refused', async (t) => {
    const { client, socket } = await startOpen()
    await t.rejects(client.join('chat/:room', { room: 'a/b' }, { onResync: () => {} }), { code: 'FST_CHANNELS_USAGE' })
    t.strictSame(socket.sent, [])
  })

  t.test('before the connection is open it waits', async (t) => {
    const { client, open } = start()
    const joining = client.join('news')
    const socket = await open()
    socket.ack('join')
    t.equal((await joining).address, 'news')
  })

  t.test('a connection lost under way does not end the wait', async (t) => {
    const { client, reconnect } = await startOpen()
    const joining = client.join('news')
    const socket = await reconnect()
    socket.ack('join')
    t.equal((await joining).address, 'news')
  })

  t.test('the wait is 35 s, however many connections it took', async (t) => {
    const { client, clock, network } = start()
    const joining = client.join('news')
    clock.advance(35_000)
    await t.rejects(joining, { code: 'timeout', type: 'join', channel: 'news' })
    await setImmediate()
    network.last.accept()
    t.strictSame(network.last.sent, [], 'nobody wants to join any more')
  })

  t.test('given up, the server is told, whatever it answered', async (t) => {
    const { client, clock, socket } = await startOpen({ timeout: 1000 })
    const joining = client.join('news')
    clock.advance(999)
    t.equal(socket.sent.length, 1)
    clock.advance(1)
    await t.rejects(joining, { code: 'timeout' })
    t.match(socket.sent, [{ type: 'join' }, { type: 'leave', channel: 'news' }])
  })

  t.test('the answer to a join that was given up changes nothing', async (t) => {
    const { client, clock, open } = start({ timeout: 12_000 })
    const joining = client.join('news')
    clock.advance(9_000)
    const socket = await open()
    clock.advance(3_000)
    await t.rejects(joining, { code: 'timeout' })
    socket.ack('join')
    clock.advance(9_000)
    t.equal(client.state, 'open')
    const again = client.join('news')
    socket.ack('join')
    t.equal((await again).address, 'news')
  })

  t.test('the refusal of a join that was given up changes nothing', async (t) => {
    const { client, clock, open } = start({ timeout: 12_000 })
    const joining = client.join('news')
    clock.advance(9_000)
    const socket = await open()
    clock.advance(3_000)
    await t.rejects(joining, { code: 'timeout' })
    socket.refuse('join', { code: 'forbidden', message: 'not allowed' })
    t.equal(client.state, 'open')
  })

  for (const code of ['forbidden', 'unknown_channel', 'unavailable', 'timeout']) {
    t.test(`refused: ${code}`, async (t) => {
      const { client, socket } = await startOpen()
      const joining = client.join('news')
      socket.refuse('join', { code, message: 'no' })
      await t.rejects(
        joining,
        {
          name: 'RequestError',
          code,
          message: `'join' on 'news' failed with ${code}: no`,
          type: 'join',
          channel: 'news'
        }
      )
      const again = client.join('news')
      socket.ack('join')
      await t.resolves(again, 'a refusal is not remembered')
    })
  }

  t.test('left and joined again at once, the server is told both', async (t) => {
    const { client, socket } = await startOpen()
    const joining = client.join('news')
    socket.ack('join')
    const channel = await joining
    const leaving = channel.leave()
    const again = client.join('news')
    socket.ack('leave')
    socket.ack('join')
    await leaving
    await again
    t.match(socket.sent, [{ type: 'join' }, { type: 'leave' }, { type: 'join' }])
    await channel.leave()
    t.equal(socket.sent.length, 3, 'a handle that has left leaves no later membership')
  })

  t.test('a second answer to it is ignored', async (t) => {
    const { lobby, socket } = await startJoined()
    socket.ack('join', { presence: [bob] })
    socket.refuse('join', { code: 'forbidden', message: 'not allowed' })
    t.strictSame(lobby.presence, [ann])
  })

  t.test('closed right after, it leaves nothing behind', async (t) => {
    const { client, socket, clock } = await startOpen()
    const joining = client.join('news')
    socket.ack('join')
    await joining
    client.close()
    t.equal(clock.pending, 0)
  })

  t.test('a closed client joins nothing', async (t) => {
    const { client, clock } = start()
    const joining = client.join('news')
    client.close()
    await t.rejects(joining, { code: 'closed' })
    await t.rejects(client.join('news'), { code: 'closed' })
    t.equal(clock.pending, 0)
  })

  t.test('a join under way is rejected by the close', async (t) => {
    const { client, clock } = await startOpen()
    const joining = client.join('news')
    client.close()
    await t.rejects(joining, { code: 'closed' })
    t.equal(clock.pending, 0)
  })
})

t.test('channel: messages', async (t) => {
  t.test('reach the channel they are for', async (t) => {
    const { socket, posted } = await startJoined()
    socket.say(posting('1'))
    socket.say({ ...posting('2'), channel: 'chat/other' })
    t.strictSame(posted, ['1'])
  })

  t.test('those in one chunk with the ack wait for whoever joined', async (t) => {
    const { client, socket, clock } = await startOpen()
    const joining = client.join(chat, { room: 'lobby' }, { onResync: () => {} })
    socket.ack('join', { presence: [ann] })
    socket.say(posting('1'))
    socket.say({ type: 'presence', channel: 'chat/lobby', payload: { joined: [bob] } })
    socket.say(posting('2'))
    const lobby = await joining
    const seen: unknown[] = []
    lobby.on('message.posted', (message) => seen.push(message))
    lobby.onPresence((presence) => seen.push(presence.length))
    clock.advance(0)
    socket.say(posting('3'))
    t.strictSame(seen, ['1', 2, '2', '3'])
  })

  t.test('and are dropped when it is left meanwhile', async (t) => {
    const { client, socket, clock } = await startOpen()
    const joining = client.join('news')
    socket.ack('join')
    const channel = await joining
    socket.say({ type: 'item', channel: 'news', payload: 'late' })
    channel.on('item', () => t.fail('left'))
    channel.leave()
    clock.advance(0)
  })

  t.test('what comes before the ack of a join belongs to an earlier membership', async (t) => {
    const { reconnect, posted } = await startJoined()
    const socket = await reconnect()
    socket.say(posting('early'))
    socket.ack('join', { presence: [] })
    socket.say(posting('1'))
    t.strictSame(posted, ['1'])
  })

  t.test('a listener that throws is reported', async (t) => {
    const reported: unknown[] = []
    const { lobby, socket, posted } = await startJoined({ onError: (error) => reported.push(error) })
    lobby.on('message.posted', () => { throw new Error('bug') })
    socket.say(posting('1'))
    socket.say(posting('2'))
    await setImmediate()
    t.match(reported, [{ message: 'bug' }, { message: 'bug' }])
    t.equal(posted.length, 2)
  })
})

t.test('channel: sending', async (t) => {
  t.test('the reply comes back', async (t) => {
    const { lobby, socket } = await startJoined()
    const sending = lobby.send('message.send', { text: 'hi' })
    t.match(socket.latest('message.send'), { channel: 'chat/lobby', payload: { text: 'hi' } })
    socket.ack('message.send', { id: 'm1' })
    t.strictSame(await sending, { id: 'm1' })
  })

  t.test('a declared error is known by channel, type and code', async (t) => {
    const { client, socket } = await startOpen()
    const joining = client.join('news')
    socket.ack('join')
    const channel = await joining
    const sending = channel.trySend('vote', 1)
    socket.refuse('vote', { code: 'late', message: 'late', details: { by: 3 } })
    const result = await sending
    if (result.ok) return t.fail('it failed')
    t.ok(result.error instanceof RequestError)
    t.match(result.error, { code: 'late', data: { by: 3 }, channel: 'news', type: 'vote' })
    t.ok(channel.isError(result.error, 'vote', 'late'))
    t.ok(channel.isError(result.error, 'vote'))
    const elsewhere = new RequestError({ type: 'vote', channel: 'other' }, { code: 'late', message: 'late' })
    t.notOk(channel.isError(elsewhere, 'vote', 'late'))
  })

  t.test('disconnected, left, closed', async (t) => {
    const { client, lobby, network } = await startJoined()
    network.last.end(1006)
    await t.rejects(lobby.send('message.send', { text: 'hi' }), { code: 'disconnected' })
    lobby.leave()
    await t.rejects(lobby.send('message.send', { text: 'hi' }), { code: 'not_joined' })
    client.close()
    await t.rejects(lobby.send('message.send', { text: 'hi' }), { code: 'closed' })
  })

  t.test('right after a reconnect it follows the join', async (t) => {
    const { client, lobby, reconnect } = await startJoined()
    const states: ClientState[] = []
    client.onState((state) => {
      states.push(state)
      if (state === 'recovering') lobby.trySend('typing', { active: true })
    })
    const socket = await reconnect()
    t.match(socket.sent, [{ type: 'join' }, { type: 'typing' }])
    t.strictSame(states, ['connecting', 'recovering'])
    socket.ack('join')
    t.strictSame(states, ['connecting', 'recovering', 'open'], 'once it is joined again')
  })
})

t.test('channel: presence', async (t) => {
  t.test('is live', async (t) => {
    const { lobby, socket } = await startJoined()
    const before = lobby.presence
    const seen: unknown[] = []
    lobby.onPresence((...told) => seen.push(told))
    socket.say({ type: 'presence', channel: 'chat/lobby', payload: { joined: [bob] } })
    t.strictSame(lobby.presence, [ann, bob])
    t.strictSame(before, [ann], 'a list once read stays as it is')
    t.strictSame(seen, [[[ann, bob], { joined: [bob], updated: [], left: [] }]])
  })

  t.test('a user who leaves is removed from the list', async (t) => {
    const { lobby, socket } = await startJoined()
    socket.say({ type: 'presence', channel: 'chat/lobby', payload: { joined: [bob], left: ['ann'] } })
    t.strictSame(lobby.presence, [bob])
  })

  t.test('new data keep the place in the list', async (t) => {
    const { lobby, socket } = await startJoined()
    const anna = { user: 'ann', data: { name: 'Anna' } }
    socket.say({ type: 'presence', channel: 'chat/lobby', payload: { joined: [bob] } })
    socket.say({ type: 'presence', channel: 'chat/lobby', payload: { updated: [anna] } })
    t.strictSame(lobby.presence, [anna, bob])
  })

  t.test('after a reconnect the new snapshot replaces it', async (t) => {
    const { lobby, network, reconnect } = await startJoined()
    const seen: unknown[] = []
    lobby.onPresence((...told) => seen.push(told))
    network.last.end(1006)
    t.strictSame(lobby.presence, [ann], 'the last that was known')
    const socket = await reconnect()
    socket.ack('join', { presence: [bob] })
    t.strictSame(lobby.presence, [bob])
    t.strictSame(seen, [[[bob], undefined]])
  })

  t.test('further pages of a long list are added to the first one', async (t) => {
    const { lobby, socket } = await startJoined()
    const seen: unknown[] = []
    lobby.onPresence((...told) => seen.push(told))
    const page = (payload: object) => socket.say({ type: 'presence', channel: 'chat/lobby', payload })
    page({ present: [bob], more: true })
    t.strictSame(lobby.presence, [ann, bob])
    page({ left: ['bob', 'eve'] })
    page({ present: [] })
    t.strictSame(lobby.presence, [ann])
    t.strictSame(
      seen,
      [[[ann, bob], undefined], [[ann], { joined: [], updated: [], left: ['bob', 'eve'] }], [[ann], undefined]],
      'a page is no change'
    )
  })

  t.test('a number of users comes instead of a list', async (t) => {
    const { lobby, network, reconnect, socket } = await startJoined()
    const seen: unknown[] = []
    lobby.onPresence((...told) => seen.push(told))
    socket.say({ type: 'presence', channel: 'chat/lobby', payload: { count: 3 } })
    t.strictSame(lobby.presence, { count: 3 })
    network.last.end(1006)
    t.strictSame(lobby.presence, { count: 3 }, 'the last that was known')
    const again = await reconnect()
    again.ack('join', { presence: { count: 2 } })
    t.strictSame(seen, [[{ count: 3 }, undefined], [{ count: 2 }, undefined]])
  })

  for (const payload of [
    undefined, null, 'x', { joined: 1, left: {} }, { joined: [null], left: [null] }
  ]) {
    t.test(`${JSON.stringify(payload)} changes nothing and is reported`, async (t) => {
      const errors: unknown[] = []
      const { lobby, socket } = await startJoined({ onError: (error) => errors.push(error) })
      lobby.onPresence(() => t.fail('changed'))
      socket.say({ type: 'presence', channel: 'chat/lobby', payload })
      await setImmediate()
      t.strictSame(lobby.presence, [ann])
      t.match(errors, [{ name: 'TypeError' }])
    })
  }
})

t.test('channel: rejoining', async (t) => {
  t.test('every channel is joined again on the next connection', async (t) => {
    const { client, socket: first, reconnect, posted } = await startJoined()
    const joining = client.join('news')
    first.ack('join')
    await joining
    const socket = await reconnect()
    t.match(socket.sent, [{ type: 'join', channel: 'chat/lobby' }, { type: 'join', channel: 'news' }])
    t.equal(socket.sent.length, 2)
    socket.say({ type: 'ack', correlationId: String(socket.sent[0]?.correlationId), payload: { presence: [] } })
    socket.say(posting('1'))
    t.strictSame(posted, ['1'], 'without a further wait: the listeners are there')
  })

  t.test('refused: the channel is gone', async (t) => {
    const { lobby, reconnect, left, posted } = await startJoined()
    const socket = await reconnect()
    socket.refuse('join', { code: 'forbidden', message: 'not allowed' })
    t.strictSame(left, ['forbidden'])
    socket.say(posting('1'))
    t.strictSame(posted, [])
    await t.rejects(lobby.send('message.send', { text: 'hi' }), { code: 'not_joined' })
    const next = await reconnect()
    t.strictSame(next.sent, [])
  })

  for (const code of ['unavailable', 'timeout', 'rate_limited']) {
    t.test(`${code} passes: tried again, with the waits of a reconnect`, async (t) => {
      const { lobby, clock, reconnect, left } = await startJoined()
      const socket = await reconnect()
      const waits = []
      for (let i = 0; i < 3; i++) {
        socket.refuse('join', { code, message: 'not now' })
        waits.push(clock.next)
        clock.advance(clock.next ?? 0)
      }
      t.strictSame(waits, [500, 1000, 2000])
      t.match(socket.sent.map(({ type }) => type), ['join', 'leave', 'join', 'leave', 'join', 'leave', 'join'],
        'left first: the one before may have come about')
      socket.ack('join', { presence: [bob] })
      t.strictSame(lobby.presence, [bob])
      t.strictSame(left, [])
      const next = await reconnect()
      next.refuse('join', { code, message: 'not now' })
      t.equal(clock.next, 500, 'the joined channel made its failures forgotten')
    })
  }

  t.test('not tried again once the connection is lost: the next one does', async (t) => {
    const { clock, reconnect, network } = await startJoined()
    const socket = await reconnect()
    socket.refuse('join', { code: 'unavailable', message: 'not now' })
    socket.end(1006)
    clock.advance(500)
    t.equal(socket.sent.length, 1)
    clock.advance(500)
    await setImmediate()
    network.last.accept()
    t.match(network.last.sent, [{ type: 'join' }])
    t.equal(network.last.sent.length, 1)
  })

  t.test('no answer to a rejoin is a failure that passes', async (t) => {
    const { clock, reconnect, left } = await startJoined({ timeout: 5000 })
    const socket = await reconnect()
    clock.advance(5000 + 500)
    t.strictSame(socket.sent.map(({ type }) => type), ['join', 'leave', 'join'])
    t.strictSame(left, [])
  })
})

t.test('channel: leaving', async (t) => {
  t.test('resolves when the server has confirmed; nothing is delivered from the call on', async (t) => {
    const { lobby, socket, posted, left, reconnect } = await startJoined()
    let done = false
    const leaving = lobby.leave().then(() => { done = true })
    socket.say(posting('late'))
    await setImmediate()
    t.notOk(done)
    t.match(socket.latest('leave'), { channel: 'chat/lobby', correlationId: String })
    socket.ack('leave')
    await leaving
    t.strictSame(posted, [])
    t.strictSame(left, [])
    t.strictSame((await reconnect()).sent, [])
  })

  t.test('resolves also when the server answers with an error', async (t) => {
    const { lobby, socket } = await startJoined()
    const leaving = lobby.leave()
    socket.refuse('leave', { code: 'not_joined', message: 'join first' })
    await t.resolves(leaving)
  })

  t.test('without a connection the channel is just forgotten', async (t) => {
    const { lobby, network, reconnect } = await startJoined()
    network.last.end(1006)
    await lobby.leave()
    t.strictSame((await reconnect()).sent, [])
  })

  t.test('during a rejoin the server undoes it', async (t) => {
    const { lobby, reconnect, posted } = await startJoined()
    const socket = await reconnect()
    const leaving = lobby.leave()
    lobby.onPresence(() => t.fail('left'))
    t.match(socket.sent, [{ type: 'join' }, { type: 'leave' }])
    socket.ack('join', { presence: [] })
    socket.say(posting('1'))
    socket.ack('leave')
    await leaving
    t.strictSame(posted, [])
  })
})

t.test('leaving a channel that is not let in again', async (t) => {
  t.test('a refused rejoin does not call onLeft after leave', async (t) => {
    const { lobby, reconnect, left } = await startJoined()
    const socket = await reconnect()
    const leaving = lobby.leave()
    socket.refuse('join', { code: 'forbidden', message: 'not allowed' })
    socket.refuse('leave', { code: 'not_joined', message: 'join the channel first' })
    await leaving
    t.strictSame(left, [])
  })

  t.test('ends the tries', async (t) => {
    const { lobby, reconnect, clock } = await startJoined()
    const socket = await reconnect()
    socket.refuse('join', { code: 'unavailable', message: 'not now' })
    const leaving = lobby.leave()
    socket.ack('leave')
    await leaving
    clock.advance(1000)
    t.strictSame(socket.sent.map(({ type }) => type), ['join', 'leave'])
  })
})

t.test('channel: removed by the server', async (t) => {
  t.test('onLeft tells why, once, and the channel can be joined anew', async (t) => {
    const { client, socket, left, reconnect } = await startJoined()
    socket.say({ type: 'left', channel: 'chat/lobby', payload: { code: 'forbidden' } })
    socket.say({ type: 'left', channel: 'chat/lobby', payload: { code: 'forbidden' } })
    t.strictSame(left, ['forbidden'])
    const joining = client.join(chat, { room: 'lobby' }, { onResync: () => {} })
    socket.ack('join')
    await joining
    t.equal((await reconnect()).sent.length, 1)
  })

  t.test('nothing held back is delivered after it', async (t) => {
    const { client, socket, clock } = await startOpen()
    const joining = client.join('news')
    socket.ack('join')
    socket.say({ type: 'item', channel: 'news', payload: 'one' })
    socket.say({ type: 'left', channel: 'news', payload: { code: 'forbidden' } })
    socket.say({ type: 'item', channel: 'news', payload: 'two' })
    const channel = await joining
    const seen: string[] = []
    channel.on('item', (item) => seen.push(item))
    channel.onLeft(({ code }) => seen.push(code))
    clock.advance(0)
    t.strictSame(seen, ['one', 'forbidden'])
  })

  t.test('the end of the client is told by its state, not by each channel', async (t) => {
    const { client, socket, left, clock } = await startJoined()
    socket.end(3003, 'disconnected by the server')
    t.equal(client.state, 'closed')
    t.strictSame(left, [])
    t.equal(clock.pending, 0)
  })
})
