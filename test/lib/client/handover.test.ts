import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import { StopConnecting, type ConnectOptions } from '../../../lib/client/index.ts'
import type { Envelope } from '../../../lib/protocol/envelope.ts'
import type { FakeWebSocket } from '../../../lib/testing/fake-web-socket.ts'
import { at, edited, joinDoc, typesOf } from '../../support/doc-client.ts'
import { cases } from '../../support/long-form.ts'

const address = 'doc/1'
const moved = (payload: number, id: string) => ({ type: 'moved', channel: address, payload, id })
const recovered = (offset: number, messages: object[] = []) => ({ ...at(offset), recovered: true, messages })
const hint = (socket: FakeWebSocket, delay = 0) => socket.say({ type: 'reconnect', payload: { delay } })

/** A client with two connections. `next` has not acked the join. */
async function startHandover (options: ConnectOptions = {}) {
  const joined = await joinDoc(undefined, options)
  joined.seen.length = 0
  joined.states.length = 0
  const { socket: old, clock, open } = joined
  hint(old)
  clock.advance(0)
  const next = await open()
  const ack = (members: object = {}) => next.ack('join', { idempotent: ['edit'], ...recovered(0), ...members })
  return { ...joined, old, next, ack }
}

t.test('handover: the next connection is open and joined before the old one is closed', async (t) => {
  let tokens = 0
  const { socket: old, clock, network, states, seen, open, client } =
    await joinDoc(undefined, { token: () => `t${++tokens}` })
  old.say(edited(1))
  states.length = seen.length = 0
  hint(old, 5_000)
  clock.advance(4_999)
  await setImmediate()
  t.equal(network.sockets.length, 1, 'it waits for the delay')
  clock.advance(1)
  const next = await open()
  t.equal(next.protocols[1], 'bearer.t2', 'with a token of its own')
  t.match(next.sent, [{ type: 'join', channel: address, payload: { since: at(1) } }])
  clock.advance(9_000)
  t.equal(old.closedWith, undefined, 'the old one stays without an ack')
  next.ack('join', recovered(1))
  clock.advance(999)
  t.equal(old.closedWith, undefined, 'and for a second after the last ack')
  clock.advance(1)
  t.equal(old.closedWith, 4001)
  t.equal(next.closedWith, undefined)
  t.strictSame([states, seen, client.state], [[], [], 'open'], 'nobody is told')
  next.say(edited(2))
  t.strictSame(seen, [['e2', 2]])
})

t.test('handover: persistent messages come from both connections, each once and in order', async (t) => {
  const { old, next, seen, ack, clock } = await startHandover()
  old.say(edited(1))
  ack(recovered(2, [edited(1), edited(2)]))
  old.say(edited(2))
  next.say(edited(3))
  old.say(edited(3))
  old.say(edited(4))
  next.say(edited(4))
  clock.advance(1_000)
  next.say(edited(5))
  t.strictSame(seen, [1, 2, 3, 4, 5].map((offset) => [`e${offset}`, offset]))
})

t.test('handover: a join says which connection it replaces until the hand-over ends, and not later', async (t) => {
  const { next, ack, clock, open } = await startHandover()
  t.match(next.latest('join'), { payload: { since: at(0), replaces: 'fake' } })
  next.refuse('join', { code: 'unavailable', message: '' })
  clock.advance(500)
  t.match(next.latest('join'), { payload: { since: at(0), replaces: 'fake' } })
  ack()
  clock.advance(1_000)
  next.end(1006)
  clock.advance(1_000)
  const third = await open()
  t.strictSame(third.latest('join')?.payload, { since: at(0) })
})

t.test('handover: an old connection that misses an entry waits for the join, and its resync is ignored', async (t) => {
  const { old, next, seen, ack } = await startHandover()
  old.say(edited(2))
  t.strictSame(typesOf(old), ['join'], 'it does not join there again')
  ack(recovered(2, [edited(1), edited(2)]))
  old.say({ type: 'resync', channel: address, payload: { ...at(0, 'b'), reason: 'epoch', messages: [] } })
  old.say(edited(9))
  t.strictSame([seen, typesOf(old), typesOf(next)], [[['e1', 1], ['e2', 2]], ['join'], ['join']])
  next.say(edited(9))
  t.match(seen.length, 2, 'a gap of the new connection makes it join again')
})

t.test('handover: an ephemeral message is delivered once, in the order of the old connection', async (t) => {
  const { old, next, seen, ack, clock } = await startHandover()
  old.say(moved(1, 'a.1'))
  ack()
  next.say(moved(3, 'a.3'))
  t.strictSame(seen, [[1]], 'one that came over the new connection waits for those before it')
  old.say(moved(2, 'a.2'))
  old.say(moved(3, 'a.3'))
  next.say(moved(4, 'a.4'))
  next.say(moved(2, 'a.2'))
  old.say({ type: 'moved', channel: address, payload: 7 })
  next.say({ type: 'moved', channel: address, payload: 8 })
  clock.advance(1_000)
  next.say(moved(1, 'a.1'))
  next.say(moved(5, 'a.5'))
  t.strictSame(seen, [[1], [2], [3], [7], [8], [4], [5]], 'one without an id comes as it comes')
})

t.test('handover: an ephemeral message that the old connection misses comes in its place, or never', async (t) => {
  const { old, next, seen, ack, clock } = await startHandover()
  ack()
  next.say(moved(9, 'b.9'))
  next.say(moved(35, 'a.z'))
  next.say(moved(37, 'a.11'))
  old.say(moved(36, 'a.10'))
  t.strictSame(seen, [[35], [36]])
  next.say(moved(34, 'a.y'))
  old.say(moved(37, 'a.11'))
  t.strictSame(seen, [[35], [36], [37]], 'one that comes after a later one is dropped')
  clock.advance(1_000)
  t.strictSame(seen, [[35], [36], [37], [9]], 'messages of another node do not wait for each other')
})

t.test('handover: after a lost connection another node brings nothing that is older than what came', async (t) => {
  const { socket, seen, open, clock } = await joinDoc()
  const reconnect = async (lost: FakeWebSocket) => {
    lost.end(1006)
    clock.advance(1_000)
    const next = await open()
    next.ack('join', recovered(0))
    clock.advance(0)
    return next
  }
  seen.length = 0
  for (const [n, id] of [[1, 'a.1'], [3, 'a.3'], [2, 'a.2'], [1, 'b.1']] as const) socket.say(moved(n, id))
  t.strictSame(seen, [[1], [3], [2], [1]], 'as they come on one connection')
  const second = await reconnect(socket)
  for (const [n, id] of [[2, 'a.2'], [3, 'a.3'], [4, 'a.4'], [1, 'b.1'], [2, 'b.2']] as const) second.say(moved(n, id))
  t.strictSame(seen.splice(0), [[1], [3], [2], [1], 'recovered', [4], [2]])
  for (let i = 0; i < 1_000; i++) second.say(moved(i, `c${i}.1`))
  const third = await reconnect(second)
  seen.length = 0
  for (const id of ['a.4', 'b.2', 'c0.1', 'c999.1']) third.say(moved(0, id))
  t.equal(seen.length, 2, 'the thousand newest nodes and channels are remembered')
})

t.test('handover: a message to a user, and one of a channel that only the new connection has joined', async (t) => {
  const { old, next, client, ack, clock } = await startHandover()
  const seen: unknown[] = []
  client.on('notice' as never, (payload: unknown) => seen.push(payload))
  const notice = (payload: string, id: string) => ({ type: 'notice', payload, id })
  ack()
  next.say(notice('two', 'a.2'))
  old.say(notice('one', 'a.1'))
  old.say(notice('two', 'a.2'))
  const joining = client.join('doc/:id', { id: '2' }, { onResync: 'ignore', on: { moved: (n) => seen.push(n) } })
  t.match(next.latest('join'), { channel: 'doc/2' })
  next.ack('join', recovered(0))
  await joining
  clock.advance(0)
  next.say({ ...moved(3, 'a.3'), channel: 'doc/2' })
  t.strictSame(seen, ['one', 'two', 3])
})

t.test('handover: what is sent follows the join, in order', async (t) => {
  const { old, next, doc, client, ack, clock } = await startHandover()
  const replies: string[] = []
  const look = (name: string) => { doc.send('look').then(() => replies.push(name)) }
  look('one')
  t.strictSame(typesOf(old), ['join', 'look'], 'before the ack over the old connection')
  ack()
  look('two')
  doc.send('edit', { text: 'three' }).then(() => replies.push('three'))
  const untyped = client as unknown as { trySend: (type: string) => Promise<unknown> }
  untyped.trySend('hello')
  t.strictSame(typesOf(next), ['join', 'hello'], 'a message waits for the replies to those before it in its channel')
  clock.advance(3_000)
  t.equal(old.closedWith, undefined, 'the old connection stays for the reply')
  old.ack('look')
  t.strictSame(typesOf(next), ['join', 'hello', 'look', 'edit'])
  clock.advance(1_000)
  t.equal(old.closedWith, 4001)
  next.ack('look')
  next.ack('edit', 1)
  await setImmediate()
  t.strictSame(replies, ['one', 'two', 'three'])
})

t.test('handover: what is pending when the old connection is lost', async (t) => {
  const { old, next, doc, ack, clock, states } = await startHandover()
  const edit = doc.send('edit', { text: 'x' })
  const look = doc.trySend('look')
  ack()
  const later = doc.send('look')
  old.end(1012)
  t.match(await look, { ok: false, error: { code: 'disconnected' } })
  t.strictSame(typesOf(next), ['join', 'edit', 'look'], 'an idempotent one is sent again, and what waited follows')
  t.equal(next.latest('edit')?.correlationId, old.latest('edit')?.correlationId)
  next.ack('edit', 1)
  next.ack('look')
  t.equal(await edit, 1)
  await later
  t.strictSame([states, clock.pending], [[], 1], 'only the silence is watched')
})

t.test('handover: a client that reaches no other node keeps its connection until 1012', async (t) => {
  const errors: unknown[] = []
  const { socket: old, clock, network, states, seen, client } = await joinDoc()
  client.onConnectError((error) => errors.push(error))
  states.length = 0
  hint(old)
  clock.advance(0)
  for (const waitMs of [1_000, 2_000]) {
    await setImmediate()
    network.last.end(1006)
    clock.advance(waitMs)
  }
  await setImmediate()
  t.equal(network.sockets.length, 4, 'it tries again')
  hint(old)
  clock.advance(0)
  old.say(edited(1))
  network.last.end(1006)
  hint(old)
  clock.advance(0)
  t.strictSame([states, errors, seen.at(-1)], [[], [], ['e1', 1]], 'it is open meanwhile')
  old.end(1012)
  t.strictSame(states, ['connecting'])
  clock.advance(500)
  await setImmediate()
  t.equal(network.sockets.length, 5, 'and waits as after any loss')
  network.last.accept()
  network.last.ack('join', recovered(1))
  t.strictSame(states, ['connecting', 'recovering', 'open'])
})

t.test('handover: the old connection is lost while the next one is being opened', async (t) => {
  const { socket: old, clock, network, states, open } = await joinDoc()
  states.length = 0
  hint(old)
  clock.advance(0)
  await setImmediate()
  old.end(1012)
  const next = await open()
  next.ack('join', recovered(0))
  t.strictSame([states, network.sockets.length], [['connecting', 'recovering', 'open'], 2])
})

t.test('handover: the next connection is lost, or its channel is not joined', async (t) => {
  t.test('the client connects again', async (t) => {
    const { old, next, doc, ack, states, clock, open, seen } = await startHandover()
    const look = doc.trySend('look')
    ack()
    const later = doc.trySend('look')
    next.accept()
    next.say(moved(1, 'a.1'))
    next.end(1006)
    t.match(await look, { error: { message: /its effect is unknown/ } })
    t.match(await later, { error: { code: 'disconnected', message: /not sent/ } }, 'it waited for the reply to the first')
    t.strictSame([old.closedWith, states, seen], [4001, ['connecting'], [[1]]])
    clock.advance(1_000)
    const third = await open()
    third.ack('join', recovered(0))
    t.strictSame(states, ['connecting', 'recovering', 'open'])
  })

  t.test('a refusal for now is followed by another join', async (t) => {
    const { old, next, doc, states, clock } = await startHandover()
    next.refuse('join', { code: 'unavailable', message: '' })
    doc.send('look')
    t.equal(old.latest('look')?.type, 'look', 'it is a member of the old connection meanwhile')
    clock.advance(500)
    t.strictSame(typesOf(next), ['join', 'leave', 'join'])
    next.ack('join', recovered(0))
    old.ack('look')
    clock.advance(1_000)
    t.strictSame([states, old.closedWith], [[], 4001])
  })

  t.test('a refusal ends the membership on both', async (t) => {
    const { old, next, doc } = await startHandover()
    const left = new Promise((resolve) => doc.onLeft(resolve))
    next.refuse('join', { code: 'forbidden', message: '' })
    t.strictSame(await left, { code: 'forbidden' })
    t.strictSame([typesOf(old), typesOf(next)], [['join', 'leave'], ['join', 'leave']])
  })

  t.test('the old connection is lost before the ack', async (t) => {
    const { old, next, states, seen } = await startHandover()
    old.end(1012)
    t.strictSame(states, ['recovering'])
    next.ack('join', recovered(1, [edited(1)]))
    t.strictSame([states, seen], [['recovering', 'open'], [['e1', 1], 'recovered']])
  })
})

t.test('handover: joins and leaves meanwhile', async (t) => {
  t.test('a leave leaves both connections', async (t) => {
    const { old, next, doc, clock } = await startHandover()
    const leaving = doc.leave()
    t.strictSame([typesOf(old), typesOf(next)], [['join', 'leave'], ['join', 'leave']])
    next.ack('leave')
    await leaving
    clock.advance(1_000)
    t.equal(old.closedWith, 4001)
  })

  t.test('a join under way is completed on the old connection, then on the next one', async (t) => {
    const { socket: old, clock, open, client, ack } = { ...await joinDoc(), ack: recovered(0) }
    const joining = client.join('doc/:id', { id: '2' }, { onResync: 'ignore' })
    hint(old)
    clock.advance(0)
    const next = await open()
    t.match(next.sent, [{ type: 'join', channel: address, payload: { replaces: 'fake' } }], 'one join')
    next.ack('join', ack)
    old.ack('join', { ...at(4), recovered: false, reason: 'fresh', messages: [] })
    await joining
    t.match(next.latest('join'), { channel: 'doc/2', payload: { since: at(4) } })
    next.ack('join', recovered(4))
    clock.advance(1_000)
    t.equal(old.closedWith, 4001)
  })

  t.test('a join that is lost with the old connection is made on the next one', async (t) => {
    const { socket: old, clock, open, client } = await joinDoc()
    const joining = client.join('doc/:id', { id: '2' }, { onResync: 'ignore' })
    hint(old)
    clock.advance(0)
    const next = await open()
    next.ack('join', recovered(0))
    old.end(1012)
    t.match(next.latest('join'), { channel: 'doc/2' })
    next.ack('join', recovered(0))
    t.equal((await joining).address, 'doc/2')
  })

  t.test('the server takes the client out of the channel', async (t) => {
    for (const by of ['old', 'next', 'both'] as const) {
      const { old, next, doc, ack, seen } = await startHandover()
      const left: unknown[] = []
      doc.onLeft((payload) => left.push(payload))
      const removal = { type: 'left', channel: address, payload: { code: 'removed' } }
      const say = (socket: FakeWebSocket) => socket.say(removal)
      if (by !== 'old') ack()
      if (by !== 'next') say(old)
      if (by === 'both') {
        next.say(moved(1, 'a.1'))
        t.strictSame([left, seen], [[], [[1]]], 'only the old connection was taken out, so nothing is held')
      }
      if (by !== 'old') say(next)
      t.strictSame(left, [{ code: 'removed' }], by)
      t.strictSame([old.latest('leave'), next.latest('leave')].map((leave) => leave?.type), ['leave', 'leave'])
    }
  })

  t.test('the server adds the client to a channel on both connections', async (t) => {
    const { old, next, client, ack, clock } = await startHandover()
    const added: string[] = []
    client.onJoined('doc/:id', (channel) => added.push(channel.address))
    ack()
    const joined = { type: 'joined', channel: 'doc/3', payload: { ...at(0), recovered: false, messages: [] } }
    old.say(joined)
    t.match(next.latest('join'), { channel: 'doc/3' })
    next.say(joined)
    next.ack('join', recovered(0))
    clock.advance(1_000)
    t.strictSame([added, old.closedWith], [['doc/3'], 4001])
  })
})

t.test('handover: presence that is the same is not told', async (t) => {
  const [ann, bob] = [{ user: 'ann', data: 1 }, { user: 'bob', data: 2 }]
  const start = async () => {
    const joined = await joinDoc({ presence: [ann, bob], ...at(0), recovered: false, messages: [] })
    const told: unknown[] = []
    joined.doc.onPresence((...args) => told.push(args))
    hint(joined.socket)
    joined.clock.advance(0)
    return { ...joined, told, next: await joined.open() }
  }
  const { next, told, socket: old } = await start()
  const change = (socket: FakeWebSocket, payload: object) => socket.say({ type: 'presence', channel: address, payload })
  next.ack('join', { presence: [bob, ann], ...recovered(0) })
  t.strictSame(told, [])
  change(old, { left: ['bob'] })
  t.strictSame(told, [], 'changes come from the next connection')
  change(next, { left: ['bob'] })
  t.strictSame(told, [[[ann], { joined: [], updated: [], left: ['bob'] }]])
  const other = await start()
  other.next.ack('join', { presence: { count: 1 }, ...recovered(0) })
  t.strictSame(other.told, [[{ count: 1 }, undefined]], 'another presence is')
})

t.test('handover: one after the other', async (t) => {
  const { old, next, ack, clock, network } = await startHandover()
  hint(next)
  clock.advance(10_000)
  await setImmediate()
  t.equal(network.sockets.length, 2, 'a further one waits for the first one')
  ack()
  clock.advance(1_000)
  t.equal(old.closedWith, 4001)
  next.say({ type: 'ack' } as Envelope)
  clock.advance(1_000)
  await setImmediate()
  t.equal(network.sockets.length, 3)
  network.last.accept()
  network.last.ack('join', recovered(0))
  clock.advance(1_000)
  t.strictSame([next.closedWith, network.last.closedWith], [4001, undefined])
})

t.test('handover: when the next connection is opened', async (t) => {
  t.test('a delay that is no time is none, and a server that asks at each connection has to wait', async (t) => {
    const { socket, clock, network, open } = await joinDoc()
    hint(socket, -1)
    clock.advance(0)
    const next = await open()
    t.not(next, socket, 'the first time the client connects at once')
    next.ack('join', recovered(0))
    clock.advance(1_000)
    hint(next, 'soon' as never)
    clock.advance(999)
    await setImmediate()
    t.equal(network.sockets.length, 2)
    clock.advance(1)
    await setImmediate()
    t.equal(network.sockets.length, 3)
  })

  t.test('the latest request counts, and none after the connection is lost', async (t) => {
    const { socket, clock, network, open } = await joinDoc()
    hint(socket, 100)
    hint(socket, 1_000)
    clock.advance(100)
    await setImmediate()
    t.equal(network.sockets.length, 1)
    socket.end(1012)
    clock.advance(500)
    await open()
    clock.advance(1_000)
    await setImmediate()
    t.equal(network.sockets.length, 2)
  })
})

t.test('handover: closing the client meanwhile', async (t) => {
  t.test('while the next connection is opened, and with both', async (t) => {
    const { socket: old, clock, network, client } = await joinDoc()
    hint(old)
    clock.advance(0)
    await setImmediate()
    client.close()
    t.strictSame([network.sockets.map(({ closedWith }) => closedWith), clock.pending], [[1000, 1000], 0])
    const both = await startHandover()
    both.client.close()
    t.strictSame([both.old.closedWith, both.next.closedWith, both.clock.pending], [1000, 1000, 0])
  })

  t.test('by a final close code of either connection, and by the token', async (t) => {
    for (const which of ['old', 'next'] as const) {
      const started = await startHandover()
      started[which].end(3003)
      t.strictSame([started.client.state, started.clock.pending], ['closed', 0])
    }
    let isLoggedIn = true
    const token = () => { if (isLoggedIn) return 't'; throw new StopConnecting('logged out') }
    const { socket: old, clock, client } = await joinDoc(undefined, { token })
    isLoggedIn = false
    hint(old)
    clock.advance(0)
    await setImmediate()
    t.strictSame([client.state, old.closedWith], ['closed', 1000])
  })

  t.test('a page that is left has no connection', async (t) => {
    const events = new EventTarget()
    const { old, next, client } = await startHandover({ networkEvents: events })
    events.dispatchEvent(new Event('pagehide'))
    t.strictSame([old.closedWith, next.closedWith, client.state], [4001, 4001, 'connecting'])
    client.close()
  })
})

/** A node's side of one connection: what it has still to deliver. */
interface Link { readonly socket: FakeWebSocket, readonly queue: Envelope[], isJoined: boolean }

/** A channel on several nodes. Each connection gets the messages in order and late, but within a second. */
class Cluster {
  readonly entries: Envelope[] = []
  readonly said = new Set<number>()
  links: Link[]
  #count = 0

  constructor (socket: FakeWebSocket) {
    this.links = [{ socket, queue: [], isJoined: true }]
  }

  publish (isPersistent: boolean): void {
    const number = ++this.#count
    if (isPersistent) this.entries.push(edited(this.entries.length + 1))
    const message = isPersistent ? this.entries.at(-1) as Envelope : moved(number, `n.${number}`)
    for (const link of this.links) if (link.isJoined) link.queue.push(message)
  }

  join (link: Link | undefined): void {
    const since = (link?.socket.latest('join')?.payload as { since: { offset: number } } | undefined)?.since
    if (!link || !since || link.isJoined) return
    link.isJoined = true
    link.socket.ack('join', recovered(this.entries.length, this.entries.slice(since.offset)))
  }

  deliver (link: Link | undefined): void {
    const message = link?.queue.shift()
    if (!link || !message) return
    if (message.type === 'moved') this.said.add(message.payload as number)
    link.socket.say(message)
  }

  deliverAll (): void {
    for (const link of this.links) while (link.queue.length > 0) this.deliver(link)
  }

  /** Forgets the connections that the client has closed. */
  update (): void {
    this.links = this.links.filter(({ socket }) => socket.closedWith === undefined)
  }

  lose (link: Link): void {
    this.links = this.links.filter((other) => other !== link)
    link.socket.end(1012)
  }
}

const step = fc.constantFrom('entry', 'entry', 'moved', 'moved', 'moved', 'old', 'old', 'new', 'new', 'hint', 'accept',
  'accept', 'join', 'join', 'wait', 'wait', 'lose old', 'lose new')

t.test('handover: property: nothing is missed, doubled or out of order in any number of hand-overs', async () => {
  const property = fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 120 }), async (steps) => {
    const { socket, network, clock, seen, client } = await joinDoc()
    const cluster = new Cluster(socket)
    seen.length = 0
    const known = new Set<FakeWebSocket>([socket])
    const accept = async () => {
      await setImmediate()
      if (known.has(network.last)) return
      known.add(network.last)
      cluster.links.push({ socket: network.last, queue: [], isJoined: false })
      network.last.accept()
    }
    const wait = () => { cluster.deliverAll(); clock.advance(1_000) }
    const act: Record<string, () => void | Promise<void>> = {
      entry: () => cluster.publish(true),
      moved: () => cluster.publish(false),
      old: () => cluster.deliver(cluster.links[0]),
      new: () => cluster.deliver(cluster.links.at(-1)),
      hint: () => { if (cluster.links[0]) hint(cluster.links[0].socket); clock.advance(0) },
      accept,
      join: () => cluster.join(cluster.links.at(-1)),
      wait,
      'lose old': () => { if (cluster.links.length > 1) cluster.lose(cluster.links[0] as Link) },
      'lose new': () => { if (cluster.links.length > 0) cluster.lose(cluster.links.at(-1) as Link) }
    }
    for (const name of steps) {
      await act[name]?.()
      cluster.update()
    }
    for (let i = 0; i < 30 || cluster.links.length !== 1 || client.state !== 'open'; i++) {
      await accept()
      cluster.join(cluster.links.at(-1))
      wait()
      cluster.update()
    }
    client.close()
    const [offsets, numbers] = [seen.filter((args) => Array.isArray(args) && args.length === 2),
      (seen as number[][]).filter((args) => args.length === 1).map(([number]) => number as number)]
    assert.deepEqual(offsets, cluster.entries.map(({ payload, offset }) => [payload, offset]))
    assert.deepEqual(numbers, [...cluster.said].sort((a, b) => a - b), 'each ephemeral message that arrived, in order')
  })
  await fc.assert(property, { numRuns: cases(2_000, 60) })
})
