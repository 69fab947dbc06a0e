import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import type { FakeWebSocket } from '../../../lib/testing/fake-web-socket.ts'
import { at, doc, edited, joinDoc, startDoc, typesOf } from '../../support/doc-client.ts'

const ann = { user: 'ann', data: {} }
const bob = { user: 'bob', data: {} }
const ack = { ...at(0), recovered: false, reason: 'fresh', messages: [] }
const fresh = (offset: number) => ({ reason: 'fresh', position: at(offset) })

t.test('shared joins: two joins before the ack are one join, and both handles get its state', async (t) => {
  const { client, open, clock } = startDoc()
  const socket = await open()
  const seen: unknown[] = []
  const joining = ['a', 'b'].map((name) => client.join('doc/:id', { id: '1' }, {
    onResync: ({ position }) => seen.push([name, position.offset]),
    on: { edited: (text) => seen.push([name, text]) }
  }))
  t.strictSame(typesOf(socket), ['join'])
  socket.ack('join', { ...ack, ...at(1), messages: [edited(1)], presence: [ann] })
  const [a, b] = await Promise.all(joining)
  clock.advance(0)
  t.not(a, b)
  t.strictSame([a?.presence, b?.presence], [[ann], [ann]])
  t.strictSame(seen, [['a', 1], ['b', 1], ['a', 'e1'], ['b', 'e1']])
})

t.test('shared joins: a late handle of a channel without history starts at once', async (t) => {
  const { client, socket, doc } = await joinDoc({ epoch: undefined, presence: [ann, bob] })
  const second = await client.join('doc/:id', { id: '1' }, { onResync: () => t.fail('there is no history') })
  t.strictSame(second.presence, [ann, bob])
  t.strictSame(typesOf(socket), ['join'])
  await doc.leave()
  t.strictSame(typesOf(socket), ['join'], 'the other handle is still in')
  await t.rejects(doc.send('look'), { code: 'not_joined' })
  const leaving = second.leave()
  t.strictSame(typesOf(socket), ['join', 'leave'])
  socket.ack('leave')
  await leaving
})

t.test('shared joins: a late handle gets the history again, and the first handle does not', async (t) => {
  const { client, socket, seen, clock } = await joinDoc()
  socket.say(edited(1))
  const late: unknown[] = []
  const joining = client.join('doc/:id', { id: '1' }, {
    onResync: (resync) => late.push(resync), on: { edited: (text, { offset }) => late.push([text, offset]) }
  })
  t.strictSame(socket.latest('join')?.payload, { again: true })
  socket.say(edited(2))
  socket.ack('join', { ...ack, ...at(2), messages: [edited(1), edited(2)] })
  socket.say(edited(3))
  await joining
  clock.advance(0)
  t.strictSame(late, [fresh(2), ['e1', 1], ['e2', 2], ['e3', 3]])
  t.strictSame(seen.slice(1), [['e1', 1], ['e2', 2], ['e3', 3]])
})

t.test('shared joins: a late handle that waits during a reconnect starts after it', async (t) => {
  const { client, socket, clock, reconnect } = await joinDoc()
  const late: unknown[] = []
  socket.end(1006)
  const joining = client.join('doc/:id', { id: '1' }, { onResync: (resync) => late.push(resync) })
  clock.advance(500)
  await setImmediate()
  const next = await reconnect()
  next.ack('join', { ...at(1), recovered: true, messages: [edited(1)] })
  t.strictSame(late, [], 'the missed messages are no state')
  t.strictSame(next.latest('join')?.payload, { again: true })
  next.ack('join', { ...ack, ...at(1), messages: [edited(1)] })
  await joining
  t.strictSame(late, [fresh(1)])
})

t.test('shared joins: a late handle whose request is lost or late changes nothing', async (t) => {
  const { client, socket, reconnect, doc } = await joinDoc()
  const abort = new AbortController()
  const joining = client.join('doc/:id', { id: '1' }, { onResync: 'ignore', signal: abort.signal })
  abort.abort()
  await t.rejects(joining, { name: 'AbortError' })
  socket.ack('join', ack)
  const lost = client.join('doc/:id', { id: '1' }, { onResync: 'ignore' })
  const next = await reconnect()
  next.ack('join', { ...ack, reason: 'trimmed' })
  t.equal((await lost).address, doc.address)
})

t.test('shared joins: a late handle whose state comes after a missing entry gets each message once', async (t) => {
  const { client, socket, clock } = await joinDoc()
  const late: unknown[] = []
  const joining = client.join('doc/:id', { id: '1' }, {
    onResync: ({ position }) => late.push(position.offset), on: { edited: (text) => late.push(text) }
  })
  socket.say(edited(2))
  socket.ack('join', { ...ack, ...at(2), messages: [edited(1), edited(2)] })
  clock.advance(500)
  socket.ack('join', { ...at(2), recovered: true, messages: [edited(1), edited(2)] })
  t.strictSame(late, [])
  socket.ack('join', { ...ack, ...at(2), messages: [edited(1), edited(2)] })
  await joining
  clock.advance(0)
  t.strictSame(late, [2, 'e1', 'e2'])
})

t.test('shared joins: a late handle starts also while the server cannot read the history', async (t) => {
  const { client, socket } = await joinDoc()
  const joining = client.join('doc/:id', { id: '1' }, { onResync: () => t.fail('there is no state') })
  socket.ack('join')
  t.equal((await joining).address, 'doc/1')
})

t.test('shared joins: the refusal of a late handle leaves the first one alone', async (t) => {
  const { client, socket, doc } = await joinDoc()
  const joining = client.join('doc/:id', { id: '1' }, { onResync: 'ignore' })
  socket.refuse('join', { code: 'forbidden', message: 'not allowed' })
  await t.rejects(joining, { code: 'forbidden' })
  const looking = doc.send('look')
  socket.ack('look')
  await looking
})

t.test('shared joins: 300 late handles ask for the history once, again after rate_limited', async (t) => {
  const { client, socket, clock } = await joinDoc()
  const joining = Array.from({ length: 300 }, () => client.join('doc/:id', { id: '1' }, { onResync: 'ignore' }))
  t.strictSame(typesOf(socket), ['join', 'join'])
  socket.refuse('join', { code: 'rate_limited', message: 'slow down', retryAfter: 700 })
  clock.advance(699)
  t.strictSame(typesOf(socket), ['join', 'join'])
  clock.advance(1)
  t.strictSame(typesOf(socket), ['join', 'join', 'join'])
  socket.ack('join', ack)
  t.equal((await Promise.all(joining)).length, 300)
})

t.test('shared joins: listeners of events are there before the channel is joined', async (t) => {
  const { client, open, clock, reconnect } = startDoc()
  const socket = await open()
  const seen: unknown[] = []
  const joining = client.join('doc/:id', { id: '1' }, {
    onResync: 'ignore',
    onPresence: (presence) => seen.push(presence),
    onRecovered: () => seen.push('recovered'),
    onLeft: ({ code }) => seen.push(code)
  })
  socket.ack('join', { ...ack, presence: [ann] })
  socket.say({ type: 'presence', channel: 'doc/1', payload: { joined: [bob] } })
  await joining
  clock.advance(0)
  const next = await reconnect()
  next.ack('join', { ...at(0), recovered: true, messages: [], presence: [ann] })
  next.say({ type: 'left', channel: 'doc/1', payload: { code: 'forbidden', message: 'not allowed' } })
  t.strictSame(seen, [[ann, bob], [ann], 'recovered', 'forbidden'])
})

t.test('shared joins: all handles learn that the server removed them', async (t) => {
  const { client, socket, doc } = await joinDoc({ epoch: undefined })
  const second = await client.join('doc/:id', { id: '1' }, { onResync: 'ignore' })
  const left: string[] = []
  for (const handle of [doc, second]) handle.onLeft(({ code }) => left.push(code))
  socket.say({ type: 'left', channel: 'doc/1', payload: { code: 'kicked' } })
  await setImmediate()
  t.strictSame(left, ['kicked'], 'the second one is still held back')
})

t.test('shared joins: a join whose handle waits for the history says that the server removed the client', async (t) => {
  const { client, socket } = await joinDoc()
  const joining = client.join('doc/:id', { id: '1' }, { onResync: 'ignore' })
  socket.say({ type: 'left', channel: 'doc/1', payload: { code: 'kicked' } })
  const message = "'join' on 'doc/1' failed with kicked: removed by the server"
  await t.rejects(joining, { code: 'kicked', message })
})

t.test('shared joins: each join has its own time limit, also one above the timeout of connect', async (t) => {
  const { client, open, clock } = startDoc({ timeout: 1000 })
  const socket = await open()
  const [short, long] = [undefined, 5000].map((timeout) => {
    return client.join('doc/:id', { id: '1' }, { onResync: 'ignore', timeout })
  })
  clock.advance(1000)
  await t.rejects(async () => { await short }, { code: 'timeout' })
  clock.advance(3999)
  socket.ack('join', ack)
  t.equal((await long)?.address, 'doc/1')
  t.strictSame(typesOf(socket), ['join'])
})

t.test('shared joins: a signal cancels a join under way, and the server is told', async (t) => {
  const { client, open } = startDoc()
  const socket = await open()
  const aborted = AbortSignal.abort(new Error('never'))
  await t.rejects(client.join('doc/:id', { id: '1' }, { onResync: 'ignore', signal: aborted }), { message: 'never' })
  t.strictSame(typesOf(socket), [])
  const abort = new AbortController()
  const joining = client.join('doc/:id', { id: '1' }, { onResync: 'ignore', signal: abort.signal })
  abort.abort()
  await t.rejects(joining, { name: 'AbortError' })
  t.strictSame(typesOf(socket), ['join', 'leave'])
})

const joined = (payload: object = {}) => ({ type: 'joined', channel: 'doc/1', payload: { ...ack, ...payload } })

t.test('onJoined: each listener gets a handle of a channel that the server adds, with its state', async (t) => {
  const { client, open, clock, states } = startDoc()
  const seen: unknown[] = []
  const stops = (['doc/:id', doc] as const).map((channel, i) => client.onJoined(channel, (handle) => {
    seen.push([i, handle.address, handle.presence])
    handle.onResync(({ reason, position }) => seen.push([i, reason, position.offset]))
    handle.on('edited', (text) => seen.push([i, text]))
  }))
  client.onJoined('book/:id' as 'doc/:id', () => t.fail('another pattern'))
  const socket = await open()
  socket.say(joined({ ...at(1), messages: [edited(1)], presence: [ann] }))
  clock.advance(0)
  socket.say(edited(2))
  t.strictSame(seen.splice(0), [
    [0, 'doc/1', [ann]], [0, 'fresh', 1], [1, 'doc/1', [ann]], [1, 'fresh', 1],
    [0, 'e1'], [1, 'e1'], [0, 'e2'], [1, 'e2']
  ])
  t.strictSame(typesOf(socket), [], 'the client sends nothing')
  for (const stop of stops) stop()
  socket.say({ ...joined(), channel: 'doc/2' })
  socket.say({ type: 'resync', channel: 'doc/1', payload: { ...at(5), reason: 'slow', messages: [] } })
  t.strictSame(seen, [[0, 'slow', 5], [1, 'slow', 5]], 'without a listener the handles stay')
  t.strictSame(states, ['open'])
})

t.test('onJoined: a join shares the membership, and the last handle to leave leaves', async (t) => {
  const { client, open, clock } = startDoc()
  const handles: Array<{ leave (): Promise<void>, send (type: 'look'): Promise<void> }> = []
  client.onJoined('doc/:id', (handle) => { handles.push(handle) })
  const socket = await open()
  socket.say(joined({ epoch: undefined, presence: [ann] }))
  const shared = await client.join('doc/:id', { id: '1' }, { onResync: 'ignore' })
  clock.advance(0)
  t.strictSame([typesOf(socket), shared.presence], [[], [ann]])
  await shared.leave()
  t.strictSame(typesOf(socket), [])
  const [handle] = handles
  const looking = handle?.send('look')
  socket.ack('look')
  await looking
  const leaving = handle?.leave()
  t.strictSame(typesOf(socket), ['look', 'leave'])
  socket.ack('leave')
  await leaving
  socket.say(joined())
  t.equal(handles.length, 2, 'the server may add it again')
})

t.test('onJoined: after a reconnect the client joins with its position, until the server removes it', async (t) => {
  const { client, open, reconnect, seen } = startDoc()
  client.onJoined('doc/:id', (handle) => {
    handle.on('edited', (text) => seen.push(text))
    handle.onRecovered(() => seen.push('recovered'))
    handle.onLeft(({ code }) => seen.push(code))
  })
  const socket = await open()
  socket.say(joined(at(3)))
  const next = await reconnect()
  t.strictSame(next.sent.map(({ type, channel, payload }) => [type, channel, payload]), [
    ['join', 'doc/1', { since: at(3) }]
  ])
  next.say(joined({ ...at(4), messages: [edited(4)] }))
  next.say(edited(4))
  t.strictSame(seen, [], 'the ack of the join has what was missed')
  next.ack('join', { ...at(4), recovered: true, messages: [edited(4)] })
  next.say(edited(5))
  next.say({ type: 'left', channel: 'doc/1', payload: { code: 'over' } })
  t.strictSame(seen, ['e4', 'recovered', 'e5', 'over'])
  t.strictSame(typesOf(next), ['join'])
})

t.test('onJoined: a server that drains hands an added channel over like any other', async (t) => {
  const { client, open, clock, network, states } = startDoc()
  const seen: unknown[] = []
  client.onJoined('doc/:id', (handle) => {
    seen.push('handed over')
    handle.on('edited', (text) => seen.push(text))
  })
  const socket = await open()
  socket.say(joined(at(3)))
  socket.say({ type: 'reconnect', payload: { delay: 0 } })
  clock.advance(0)
  const next = await open()
  t.not(next, socket)
  t.match(next.latest('join'), { channel: 'doc/1', payload: { since: at(3) } })
  next.say(joined({ ...at(4), messages: [edited(4)] }))
  socket.say(edited(4))
  next.ack('join', { ...at(4), recovered: true, messages: [edited(4)] })
  next.say(edited(5))
  socket.say(edited(5))
  t.strictSame(seen, ['handed over', 'e4', 'e5'], 'each once')
  t.strictSame([states, network.sockets.length], [['open'], 2])
  socket.say({ ...joined({ epoch: undefined }), channel: 'doc/2' })
  t.strictSame(seen.splice(3), ['handed over'])
  t.match(next.latest('join'), { channel: 'doc/2' }, 'a channel of the old connection is joined on the new one')
})

t.test('onJoined: without a listener the client stays a member, and a later listener or join gets the channel',
  async (t) => {
    const { client, open, clock } = startDoc()
    const socket = await open()
    socket.say(joined(at(1)))
    socket.say({ ...joined({ epoch: undefined }), channel: 'doc/2' })
    socket.say(edited(2))
    client.onJoined('doc/:id', () => t.fail('removed at once'))()
    await setImmediate()
    const shared = await client.join('doc/:id', { id: '2' }, { onResync: 'ignore' })
    const seen: unknown[] = []
    for (const name of ['a', 'b']) {
      client.onJoined('doc/:id', (handle) => {
        seen.push([name, handle.address])
        handle.onResync(({ position }) => seen.push([name, position.offset]))
      })
    }
    t.strictSame(seen, [], 'not before onJoined has returned')
    await setImmediate()
    t.strictSame(socket.sent.map(({ type, channel, payload }) => [type, channel, payload]), [
      ['join', 'doc/1', { again: true }]
    ])
    socket.ack('join', { ...ack, ...at(2), messages: [edited(1), edited(2)] })
    t.strictSame(seen, [['a', 'doc/1'], ['a', 2], ['b', 'doc/1'], ['b', 2]])
    t.equal(shared.address, 'doc/2')
    clock.advance(0)
  })

t.test('onJoined: a closed client forgets a channel that nothing listens to', async (t) => {
  const { client, open } = startDoc()
  const socket = await open()
  socket.say(joined())
  client.close()
  client.open()
  const next = await open()
  t.strictSame(typesOf(next), [])
})

t.test('onJoined: a listener may leave, join, send and throw', async (t) => {
  const errors: unknown[] = []
  const { client, open, clock } = startDoc({ onError: (error) => errors.push(error) })
  const seen: unknown[] = []
  client.onJoined('doc/:id', (handle) => {
    handle.send('edit', { text: 'x' }).catch((error: unknown) => seen.push(error))
    handle.leave()
  })
  client.onJoined('doc/:id', async (handle) => {
    const shared = await client.join('doc/:id', { id: '1' }, {
      onResync: ({ position }) => seen.push(position.offset), on: { edited: (text) => seen.push(text) }
    })
    seen.push(shared.address)
    handle.leave()
  })
  client.onJoined('doc/:id', () => { throw new Error('on purpose') })
  const socket = await open()
  socket.say(joined({ ...at(1), messages: [edited(1)], idempotent: ['edit'] }))
  t.strictSame(typesOf(socket), ['edit', 'join'])
  t.ok(Number(socket.latest('edit')?.correlationId?.length) > 20, 'as an idempotent message')
  socket.ack('join', { ...ack, ...at(1), messages: [edited(1)] })
  await setImmediate()
  clock.advance(0)
  t.match(errors, [{ message: 'on purpose' }])
  t.strictSame(seen, [1, 'doc/1', 'e1'])
  t.strictSame(typesOf(socket), ['edit', 'join'], 'two handles are left')
})

t.test('onJoined: a membership that a leave under way will end is none', async (t) => {
  const { client, open } = startDoc()
  client.onJoined('doc/:id', () => t.fail('the server handles the leave after it'))
  const socket = await open()
  const abort = new AbortController()
  const joining = client.join('doc/:id', { id: '1' }, { onResync: 'ignore', signal: abort.signal })
  abort.abort()
  await t.rejects(joining)
  socket.say(joined())
  socket.ack('join', ack)
  socket.ack('leave')
  t.strictSame(typesOf(socket), ['join', 'leave'])
})

/** Plays the server for one channel. */
class Server {
  isMember = false
  /** Whether the application added the client. */
  #isAdded = false
  #handled = 0
  #socket: FakeWebSocket | undefined

  /** Answers what the client has sent since the last call. */
  answer (socket: FakeWebSocket): void {
    this.#follow(socket)
    for (; this.#handled < socket.sent.length; this.#handled++) {
      const { type, payload, channel, correlationId } = socket.sent[this.#handled]!
      const again = (payload as { again?: boolean } | undefined)?.again === true
      const code = type === 'join' && this.isMember && !again && !this.#isAdded ? 'already_joined' : undefined
      if (type === 'join') this.isMember = true
      if (type === 'leave') this.isMember = this.#isAdded = false
      socket.say(code
        ? { type: 'error', channel, correlationId, payload: { code, message: code } }
        : { type: 'ack', channel, correlationId, payload: type === 'join' ? ack : undefined })
    }
  }

  /** The application adds the client, before the server answers what the client has sent. */
  add (socket: FakeWebSocket): void {
    this.#follow(socket)
    if (this.isMember) return
    this.isMember = this.#isAdded = true
    socket.say(joined())
  }

  #follow (socket: FakeWebSocket): void {
    if (socket === this.#socket) return
    this.#handled = 0
    this.isMember = this.#isAdded = false
    this.#socket = socket
  }
}

const action = fc.record({
  handle: fc.integer({ min: 0, max: 3 }),
  does: fc.constantFrom('join', 'join', 'leave', 'abort', 'answer', 'reconnect', 'add', 'leave added')
})

t.test('shared joins: the server has a member exactly while a handle is open, whatever the order', async (t) => {
  await fc.assert(fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
    const { client, network, clock, open } = startDoc({ random: () => 0 })
    const server = new Server()
    server.answer(await open())
    const aborts: Array<AbortController | undefined> = []
    const handles: Array<{ leave (): Promise<void> } | undefined> = []
    const added: Array<{ leave (): Promise<void> }> = []
    client.onJoined('doc/:id', (handle) => { added.push(handle) })
    for (const { handle, does } of actions) {
      if (does === 'join' && !aborts[handle]) {
        const abort = aborts[handle] = new AbortController()
        client.join('doc/:id', { id: '1' }, { onResync: 'ignore', signal: abort.signal }).then((joined) => {
          handles[handle] = joined
        }, () => {})
      } else if (does === 'leave' && handles[handle]) {
        handles[handle].leave()
        aborts[handle] = handles[handle] = undefined
      } else if (does === 'abort' && aborts[handle] && !handles[handle]) {
        aborts[handle].abort()
        aborts[handle] = undefined
      } else if (does === 'add') {
        server.add(network.last)
      } else if (does === 'leave added') {
        added.shift()?.leave()
      } else if (does === 'answer') {
        server.answer(network.last)
      } else if (does === 'reconnect') {
        network.last.end(1006)
        clock.advance(0)
        await open()
      }
      await setImmediate()
    }
    server.answer(network.last)
    await setImmediate()
    server.answer(network.last)
    const areOpen = added.length > 0 || aborts.some((abort) => abort !== undefined)
    if (server.isMember !== areOpen) throw new Error(`the server has a member: ${server.isMember}; open: ${areOpen}`)
    client.close()
  }), { numRuns: 200 })
  t.pass('200 sequences of joins, leaves, aborts, reconnects and additions')
})
