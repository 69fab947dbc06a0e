import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { connect } from '../../../lib/client/index.ts'
import { FakeClock } from '../../../lib/testing/fake-clock.ts'
import { FakeNetwork } from '../../../lib/testing/fake-web-socket.ts'
import { at, edited, joinDoc, startDoc, typesOf } from '../../support/doc-client.ts'

const fresh = (offset: number) => ({ reason: 'fresh', position: at(offset) })

t.test('history: the first join', async (t) => {
  t.test('calls onResync before join resolves, and delivers the history after it', async (t) => {
    const { open, join, clock, seen } = startDoc()
    const socket = await open()
    const joining = join()
    t.notOk('payload' in socket.sent[0]!, 'a first join sends no position')
    socket.ack('join', { ...at(2), recovered: false, reason: 'fresh', messages: [edited(1), edited(2)] })
    socket.say(edited(3))
    t.strictSame(seen, [fresh(2)], 'onResync before join resolves')
    await joining
    clock.advance(0)
    t.strictSame(seen, [fresh(2), ['e1', 1], ['e2', 2], ['e3', 3]])
  })

  t.test('with a snapshot delivers only the messages after it', async (t) => {
    const snapshot = { offset: 7, hash: 'l7', state: { text: 'abc' } }
    const { seen } = await joinDoc({ ...at(8), recovered: false, reason: 'fresh', snapshot, messages: [edited(8)] })
    t.strictSame(seen, [{ reason: 'fresh', snapshot, position: at(8) }, ['e8', 8]])
  })

  t.test('calls onResync later when the server cannot read the history yet', async (t) => {
    const { seen, socket } = await joinDoc({})
    t.strictSame(seen, [])
    socket.say({ type: 'resync', channel: 'doc/1', payload: { ...at(5), reason: 'fresh', messages: [edited(5)] } })
    socket.say(edited(6))
    t.strictSame(seen, [fresh(5), ['e5', 5], ['e6', 6]])
  })

  t.test('delivers the history of the ack also when the connection is lost before', async (t) => {
    const { open, join, clock, seen, reconnect } = startDoc()
    const socket = await open()
    const joining = join()
    socket.ack('join', { ...at(2), recovered: false, messages: [edited(1), edited(2)] })
    await joining
    socket.end(1006)
    clock.advance(0)
    t.strictSame(seen, [fresh(2), ['e1', 1], ['e2', 2]])
    clock.advance(500)
    const next = await open()
    t.strictSame(next.latest('join')?.payload, { since: at(2) })
    next.ack('join', { ...at(2), recovered: true, messages: [] })
    t.strictSame(seen, [fresh(2), ['e1', 1], ['e2', 2], 'recovered'])
    t.equal((await reconnect()).latest('join')?.channel, 'doc/1')
  })

  t.test("with onResync: 'ignore' the messages arrive without a call", async (t) => {
    const { client, open, clock } = startDoc()
    const socket = await open()
    const joining = client.join('doc/:id', { id: '1' }, { onResync: 'ignore' })
    socket.ack('join', { ...at(1), recovered: false, messages: [edited(1)] })
    const channel = await joining
    const seen: unknown[] = []
    channel.on('edited', (text) => seen.push(text))
    clock.advance(0)
    socket.say({ type: 'resync', channel: 'doc/1', payload: { ...at(9), reason: 'slow', messages: [edited(9)] } })
    t.strictSame(seen, ['e1', 'e9'], 'the messages of the join and of the resync arrive')
  })

  t.test('without contracts onResync may be left out', async (t) => {
    const clock = new FakeClock()
    const network = new FakeNetwork()
    const client = connect('wss://api.test/ws', { WebSocket: network.WebSocket, clock })
    await setImmediate()
    network.last.accept()
    const joining = client.join('doc/1')
    network.last.ack('join', { ...at(1), recovered: false, messages: [edited(1)] })
    const channel = await joining
    const seen: unknown[] = []
    channel.on('edited', (...told) => seen.push(told))
    clock.advance(0)
    t.strictSame(seen, [['e1', { offset: 1, id: 'id-1', hash: 'l1' }]])
  })
})

const refusal = (code: string) => ({ code, message: code })

t.test('history: older messages', async (t) => {
  t.test('are asked for before the oldest one that the handle got, in its epoch', async (t) => {
    const { client, socket, doc, clock, seen } = await joinDoc({
      ...at(8), recovered: false, reason: 'fresh', messages: [edited(7), edited(8)]
    })
    socket.say(edited(9))
    const reading = doc.history({ limit: 2 })
    t.strictSame(socket.latest('history'), {
      type: 'history', channel: 'doc/1', payload: { before: 7, limit: 2, epoch: 'a' }, correlationId: '2'
    })
    const page = { position: at(9), messages: [edited(5), edited(6)], hasMore: true }
    const { length } = seen
    socket.ack('history', page)
    t.strictSame(await reading, page)
    t.equal(seen.length, length, 'they arrive at no listener')
    doc.history({ before: 5 })
    t.strictSame(socket.latest('history')?.payload, { before: 5, epoch: 'a' })

    socket.say({ type: 'resync', channel: 'doc/1', payload: { ...at(3, 'b'), reason: 'epoch', messages: [] } })
    const failing = doc.history()
    t.strictSame(socket.latest('history')?.payload, { before: 4, epoch: 'b' })
    socket.refuse('history', refusal('epoch_changed'))
    await t.rejects(failing, { code: 'epoch_changed' })

    const late = client.join('doc/:id', { id: '1' }, { onResync: 'ignore' })
    socket.ack('join', { ...at(4, 'b'), recovered: false, reason: 'fresh', messages: [edited(4)] })
    const handle = await late
    clock.advance(0)
    handle.history()
    t.strictSame(socket.latest('history')?.payload, { before: 4, epoch: 'b' }, 'each handle has its own')
  })

  t.test('without a known position are the newest ones, and errors have their code', async (t) => {
    const { doc, socket } = await joinDoc({ epoch: undefined })
    const failing = doc.history()
    t.strictSame(socket.latest('history')?.payload, {})
    socket.refuse('history', refusal('no_history'))
    await t.rejects(failing, { code: 'no_history', type: 'history' })
    await t.rejects(doc.history({ signal: AbortSignal.abort(new Error('enough')) }), { message: 'enough' })
    socket.end(1006)
    await t.rejects(doc.history(), { code: 'disconnected' })
    doc.leave()
    await t.rejects(doc.history(), { code: 'not_joined' })
  })
})

t.test('history: messages', async (t) => {
  t.test('persistent ones come with their entry, ephemeral ones without', async (t) => {
    const { doc, socket, seen } = await joinDoc()
    doc.on('edited', (_, entry) => seen.push(entry))
    socket.say(edited(1))
    socket.say({ type: 'moved', channel: 'doc/1', payload: 4 })
    t.strictSame(seen.slice(1), [['e1', 1], { offset: 1, id: 'id-1', hash: 'l1' }, [4]])
  })

  t.test('an entry that was delivered before is dropped', async (t) => {
    const { socket, seen } = await joinDoc()
    for (const offset of [1, 2, 1, 2, 3]) socket.say(edited(offset))
    t.strictSame(seen.slice(1), [['e1', 1], ['e2', 2], ['e3', 3]])
  })

  for (const [name, early] of Object.entries({
    'an entry after a missing one': edited(3), 'an entry with another prev hash': { ...edited(2), prev: 'x' }
  })) {
    t.test(`${name} is not delivered, and the channel is joined again`, async (t) => {
      const { socket, seen, clock, states } = await joinDoc()
      socket.say(edited(1))
      socket.say(early)
      socket.say(edited(4))
      t.strictSame(states, ['open', 'recovering'])
      clock.advance(500)
      t.strictSame(typesOf(socket), ['join', 'leave', 'join'])
      t.strictSame(socket.latest('join')?.payload, { since: at(1) })
      socket.ack('join', { ...at(4), recovered: true, messages: [edited(2), edited(3), edited(4)] })
      t.strictSame(seen.slice(1), [['e1', 1], ['e2', 2], ['e3', 3], ['e4', 4], 'recovered'])
      t.strictSame(states, ['open', 'recovering', 'open'])
    })
  }

  t.test('an entry before the first position is not delivered, and the channel is joined again', async (t) => {
    const { socket, seen, clock } = await joinDoc({})
    socket.say(edited(1))
    clock.advance(500)
    t.strictSame(typesOf(socket), ['join', 'leave', 'join'])
    t.strictSame(seen, [])
  })

  t.test('an ack whose entries do not follow the position recovers nothing', async (t) => {
    const { reconnect, seen, clock, states } = await joinDoc()
    const socket = await reconnect()
    socket.ack('join', { ...at(3), recovered: true, messages: [edited(3)] })
    t.strictSame(seen.slice(1), [])
    t.equal(states.at(-1), 'recovering')
    clock.advance(500)
    t.strictSame(typesOf(socket), ['join', 'leave', 'join'])
  })
})

t.test('history: a returning client', async (t) => {
  t.test('gets the missed messages, then the new ones', async (t) => {
    const { socket, reconnect, seen, states } = await joinDoc()
    socket.say(edited(1))
    const next = await reconnect()
    t.strictSame(
      next.latest('join'),
      { type: 'join', channel: 'doc/1', payload: { since: at(1) }, correlationId: next.latest('join')?.correlationId }
    )
    t.strictSame(states, ['open', 'connecting', 'recovering'])
    next.ack('join', { ...at(3), recovered: true, messages: [edited(2), edited(3)] })
    next.say(edited(4))
    t.strictSame(seen.slice(1), [['e1', 1], ['e2', 2], ['e3', 3], 'recovered', ['e4', 4]])
    t.strictSame(states, ['open', 'connecting', 'recovering', 'open'])
  })

  t.test('gets onResync when missed messages cannot be recovered', async (t) => {
    const { socket, reconnect, seen } = await joinDoc()
    socket.say(edited(1))
    const next = await reconnect()
    const snapshot = { offset: 0, hash: 'l0', state: { text: '' } }
    next.ack('join', { ...at(1, 'b'), recovered: false, reason: 'epoch', snapshot, messages: [edited(1, 'other')] })
    t.strictSame(seen.slice(2), [{ reason: 'epoch', snapshot, position: at(1, 'b') }, ['other', 1]])
    t.strictSame((await reconnect()).latest('join')?.payload, { since: at(1, 'b') })
  })

  t.test('gets a resync later when the server cannot read the history yet', async (t) => {
    const { socket, reconnect, seen, states } = await joinDoc()
    socket.say(edited(1))
    const next = await reconnect()
    next.ack('join', {})
    t.equal(states.at(-1), 'open')
    next.say({ type: 'resync', channel: 'doc/1', payload: { ...at(9), reason: 'trimmed', messages: [] } })
    t.strictSame(seen.slice(2), [{ reason: 'trimmed', position: at(9) }])
  })

  t.test('gets a resync on an open connection, which replaces the position', async (t) => {
    const { socket, seen } = await joinDoc()
    socket.say({ type: 'resync', channel: 'doc/1', payload: { ...at(9), reason: 'slow', messages: [edited(9)] } })
    socket.say(edited(10))
    t.strictSame(seen.slice(1), [{ reason: 'slow', position: at(9) }, ['e9', 9], ['e10', 10]])
  })

  t.test('gets no more messages when a listener leaves during the recovery', async (t) => {
    const { doc, reconnect, seen, client, clock } = await joinDoc()
    doc.on('edited', () => { doc.leave() })
    const next = await reconnect()
    next.ack('join', { ...at(2), recovered: true, messages: [edited(1), edited(2)] })
    t.strictSame(seen.slice(1), [['e1', 1]])
    t.equal(client.state, 'open', 'nothing is left to wait for')
    client.close()
    t.equal(clock.pending, 0)
  })

  t.test('is open when every channel is joined again or refused', async (t) => {
    const { client, socket, reconnect, states } = await joinDoc()
    const joining = client.join('doc/:id', { id: '2' }, { onResync: () => {} })
    socket.ack('join')
    await joining
    const next = await reconnect()
    const [one, two] = next.sent
    next.say({ ...two, type: 'ack', payload: { ...at(0), recovered: true, messages: [] } })
    t.equal(client.state, 'recovering')
    next.say({ ...one, type: 'error', payload: { code: 'forbidden' } })
    t.equal(client.state, 'open', 'or refused')
    t.strictSame(states, ['open', 'connecting', 'recovering', 'open'])
  })

  t.test('is not recovering during a first join', async (t) => {
    const { client, open, states } = startDoc()
    const joining = client.join('doc/:id', { id: '1' }, { onResync: () => {} })
    const socket = await open()
    t.strictSame(states, ['open'])
    socket.ack('join')
    await joining
  })

  t.test('ignores resyncs without content', async (t) => {
    const { socket, seen } = await joinDoc()
    for (const payload of [undefined, {}]) socket.say({ type: 'resync', channel: 'doc/1', payload })
    socket.say({ type: 'resync', channel: 'doc/1', payload: { ...at(3), messages: [] } })
    socket.say(edited(4))
    await setImmediate()
    t.strictSame(seen.slice(1), [{ reason: 'fresh', position: at(3) }, ['e4', 4]])
  })
})
