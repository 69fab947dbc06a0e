import t from 'tap'
import { MemoryAdapter, MemoryHub } from '../../../lib/memory/memory-adapter.ts'
import type { Adapter } from '../../../lib/cluster/adapter.ts'
import type { AdapterEvents } from '../../../lib/cluster/events.ts'
import type { PresenceList } from '../../../lib/cluster/presence.ts'
import { encodeEnvelope, type EncodedMessage } from '../../../lib/protocol/encoding.ts'
import type { ResyncReason } from '../../../lib/protocol/recoverability.ts'
import type { ResyncSource } from '../../../lib/protocol/when-slow.ts'
import { PresenceReplica } from '../../../lib/rooms/presence-replica.ts'
import { FakeClock } from '../../../lib/testing/fake-clock.ts'
import type { Member } from '../../../lib/rooms/room.ts'
import { Rooms } from '../../../lib/rooms/rooms.ts'
import { adapterWith, type Replacements } from '../../support/adapter-with.ts'

const said = (text: string) => encodeEnvelope({ type: 'said', channel: 'x', payload: text })

class FakeMember implements Member {
  readonly id: string
  readonly userId: string | undefined
  readonly received: EncodedMessage[] = []

  constructor (id: string, userId: string | undefined = id) {
    this.id = id
    this.userId = userId
  }

  send (bytes: EncodedMessage): void {
    this.received.push(bytes)
  }

  sendResync (source: ResyncSource, reason: ResyncReason): void {
    const encoded = source.resync(this.id, reason)
    if (encoded) this.received.push(encoded)
  }

  get payloads (): unknown[] {
    return this.received.map((bytes) => JSON.parse(bytes.toString()).payload)
  }
}

/** Joins a channel in the same order as the server does. */
async function join (rooms: Rooms, member: Member, data?: object, channel = 'x'): Promise<void> {
  await rooms.openRoom(channel)
  if (data) await rooms.enterPresence(channel, member, data)
  rooms.addMember(channel, member)
}

function leave (rooms: Rooms, member: Member, channel = 'x'): void {
  rooms.deleteMember(channel, member)
  rooms.exitPresence(channel, member, 0)
  rooms.releaseRoom(channel)
}

const clock = new FakeClock()

function started (adapter: Adapter): Rooms {
  const rooms = new Rooms(adapter, clock)
  adapter.start({ ...rooms.adapterEvents, revoked: () => {}, requested: () => undefined })
  return rooms
}

function cluster () {
  const hub = new MemoryHub()
  const adapters = [new MemoryAdapter(hub), new MemoryAdapter(hub)] as const
  return { hub, adapters, rooms: [started(adapters[0]), started(adapters[1])] as const }
}

t.test('rooms: a broadcast reaches all members of the channel on all nodes, as the same bytes', async (t) => {
  const { rooms: [here, elsewhere] } = cluster()
  const [a, b, far, other] = [new FakeMember('a'), new FakeMember('b'), new FakeMember('far'), new FakeMember('other')]
  await join(here, a)
  await join(here, b)
  await join(elsewhere, far)
  await join(here, other, undefined, 'y')
  const bytes = said('hello')
  here.broadcast('x', bytes)
  for (const member of [a, b, far]) t.strictSame(member.received, [bytes], member.id)
  t.equal(a.received[0], b.received[0], 'the message is encoded once')
  t.strictSame(other.received, [], 'a member of another channel gets nothing')
})

t.test('rooms: members get broadcasts in the order in which they were sent', async (t) => {
  const { rooms: [here, elsewhere] } = cluster()
  const [a, far] = [new FakeMember('a'), new FakeMember('far')]
  await join(here, a)
  await join(elsewhere, far)
  for (const text of ['1', '2', '3']) here.broadcast('x', said(text))
  for (const member of [a, far]) t.strictSame(member.payloads, ['1', '2', '3'])
})

t.test("rooms: the member in 'except' does not get the broadcast", async (t) => {
  const { rooms: [here, elsewhere] } = cluster()
  const [a, b, far] = [new FakeMember('a'), new FakeMember('b'), new FakeMember('far')]
  await join(here, a)
  await join(here, b)
  await join(elsewhere, far)
  here.broadcast('x', said('typing'), { except: 'a' })
  t.strictSame([a, b, far].map(({ received }) => received.length), [0, 1, 1])
})

t.test('rooms: a broadcast from a node without members reaches the members on other nodes', async (t) => {
  const { rooms: [here, elsewhere] } = cluster()
  const far = new FakeMember('far')
  await join(elsewhere, far)
  here.broadcast('x', said('news'))
  t.strictSame(far.payloads, ['news'])
  t.equal(here.size, 0)
})

t.test('rooms: a node subscribes to a channel only while it has members in it', async (t) => {
  const { hub, rooms: [here] } = cluster()
  const subscribed = () => [...hub.nodes].map((node) => [...node.subscribed])
  const [a, b] = [new FakeMember('a'), new FakeMember('b')]
  await Promise.all([join(here, a), join(here, b)])
  t.strictSame(subscribed(), [['x'], []])
  t.strictSame(here.members('x'), [a, b])
  leave(here, a)
  t.strictSame(subscribed(), [['x'], []])
  leave(here, b)
  t.strictSame(subscribed(), [[], []])
  t.equal(here.size, 0)
  t.strictSame(here.members('x'), [])
})

t.test('rooms: a member that left gets no more broadcasts', async (t) => {
  const { rooms: [here] } = cluster()
  const [a, b] = [new FakeMember('a'), new FakeMember('b')]
  await join(here, a)
  await join(here, b)
  leave(here, a)
  here.broadcast('x', said('later'))
  t.strictSame([a.received.length, b.received.length], [0, 1])
})

t.test('rooms: adding and deleting a member of a room that is not open changes nothing', async (t) => {
  const { rooms: [here] } = cluster()
  const a = new FakeMember('a')
  here.addMember('x', a)
  here.deleteMember('x', a)
  t.strictSame([here.members('x'), here.presenceEntries('x'), here.size], [[], [], 0])
  const own = { user: 'ada', data: {} }
  t.strictSame(here.presenceEntries('x', own), [own], 'a joining user is present before the adapter announces it')
})

t.test('presence: the list is the same on all nodes, and members get the changes', async (t) => {
  const { rooms: [here, elsewhere] } = cluster()
  const [ada, bob] = [new FakeMember('1', 'ada'), new FakeMember('2', 'bob')]
  await join(here, ada, { name: 'Ada' })
  await join(elsewhere, bob, { name: 'Bob' })
  const both = [{ user: 'ada', data: { name: 'Ada' } }, { user: 'bob', data: { name: 'Bob' } }]
  t.strictSame(here.presenceEntries('x'), both)
  t.strictSame(elsewhere.presenceEntries('x'), both, 'a node that opens the room later has the same list')
  t.strictSame(ada.payloads, [{ joined: [both[1]] }], 'the earlier member gets the change')
  t.strictSame(bob.payloads, [], 'the later member gets no change, because the list contains it')
  t.match(JSON.parse(String(ada.received[0])), { type: 'presence', channel: 'x' })
  leave(elsewhere, bob)
  t.strictSame(ada.payloads.at(-1), { left: ['bob'] })
  t.strictSame(here.presenceEntries('x'), both.slice(0, 1))
})

t.test('presence: a user with several connections is one entry', async (t) => {
  const { rooms: [here, elsewhere] } = cluster()
  const [watcher, first, second] = [new FakeMember('w'), new FakeMember('1', 'ada'), new FakeMember('2', 'ada')]
  await join(here, watcher)
  await join(here, first, { name: 'Ada' })
  await join(elsewhere, second, { name: 'Ada' })
  t.strictSame(elsewhere.presenceEntries('x'), [{ user: 'ada', data: { name: 'Ada' } }])
  leave(here, first)
  t.equal(watcher.payloads.length, 1, 'the member gets one change for both connections')
  leave(elsewhere, second)
  t.strictSame(watcher.payloads.slice(1), [{ left: ['ada'] }])
})

t.test('presence: new data of a present user replaces the old data', async (t) => {
  const { rooms: [here, elsewhere] } = cluster()
  const [first, second] = [new FakeMember('1', 'ada'), new FakeMember('2', 'ada')]
  await join(here, first, { name: 'Ada' })
  await join(elsewhere, second, { name: 'Countess' })
  const entry = { user: 'ada', data: { name: 'Countess' } }
  t.strictSame(first.payloads, [{ updated: [entry] }])
  t.strictSame(here.presenceEntries('x'), [entry])
})

t.test('presence: a connection without a user id is listed by its own id', async (t) => {
  const { rooms: [here] } = cluster()
  const guest = new FakeMember('guest-1')
  await join(here, { id: guest.id, userId: undefined, send: () => {}, sendResync: () => {} }, {})
  t.strictSame(here.presenceEntries('x'), [{ user: 'guest-1', data: {} }])
})

t.test('rooms: after all members left and all nodes closed, nothing is left on the hub', async (t) => {
  const { hub, adapters, rooms } = cluster()
  const members = Array.from({ length: 10 }, (_, i) => new FakeMember(`${i}`, `user ${i % 3}`))
  for (const [i, member] of members.entries()) await join(rooms[i % 2 as 0 | 1], member, { i })
  for (const [i, member] of members.entries()) leave(rooms[i % 2 as 0 | 1], member)
  t.strictSame(hub.presenceList('x').entries, [])
  t.ok([...hub.nodes].every(({ subscribed }) => subscribed.size === 0))
  t.strictSame(rooms.map(({ size }) => size), [0, 0])
  for (const adapter of adapters) await adapter.close()
  t.equal(hub.nodes.size, 0)
})

/** Rooms on a memory adapter with some replaced calls. */
function roomsWith (replaced: Replacements): Rooms {
  return started(adapterWith(replaced))
}

const down = async () => { throw new Error('adapter is down') }

t.test('rooms: an unreachable channel rejects openRoom, and the next opening tries again', async (t) => {
  let isDown = true
  const rooms = roomsWith({ pubsub: { subscribe: async () => { if (isDown) throw new Error('adapter is down') } } })
  const outcomes = await Promise.allSettled([rooms.openRoom('x'), rooms.openRoom('x')])
  t.strictSame(outcomes.map(({ status }) => status), ['rejected', 'rejected'])
  t.equal(rooms.size, 1, 'the room stays until both callers release it')
  rooms.releaseRoom('x')
  rooms.releaseRoom('x')
  t.equal(rooms.size, 0)
  isDown = false
  await t.resolves(rooms.openRoom('x'))
})

t.test('rooms: openRoom rejects if the presence list cannot be read', async (t) => {
  const rooms = roomsWith({ presence: { list: down } })
  await t.rejects(rooms.openRoom('x'), { message: 'adapter is down' })
  rooms.releaseRoom('x')
  t.equal(rooms.size, 0)
})

t.test('presence: enterPresence rejects if the adapter fails', async (t) => {
  const rooms = roomsWith({ presence: { enter: down } })
  await rooms.openRoom('x')
  await t.rejects(rooms.enterPresence('x', new FakeMember('a'), {}), { message: 'adapter is down' })
})

t.test('rooms: members of this node get a broadcast even if the adapter fails', async (t) => {
  const unhandled: unknown[] = []
  const note = (error: unknown) => unhandled.push(error)
  process.on('unhandledRejection', note)
  t.teardown(() => process.off('unhandledRejection', note))
  const rooms = roomsWith({ pubsub: { publish: down, unsubscribe: down }, presence: { exit: down } })
  const a = new FakeMember('a')
  await join(rooms, a, {})
  rooms.broadcast('x', said('hello'))
  t.strictSame(a.payloads, ['hello'])
  leave(rooms, a)
  await new Promise(setImmediate)
  t.strictSame(unhandled, [])
})

t.test('rooms: openRoom rejects if the history cannot be read, unless the adapter is down', async (t) => {
  const failing = roomsWith({ history: { read: down } })
  await t.rejects(failing.openRoom('x', 10))
  failing.releaseRoom('x')
  t.equal(failing.size, 0)
  const degraded = roomsWith({ history: { read: down }, status: { state: 'degraded', since: 0, reason: 'a test' } })
  await t.resolves(degraded.openRoom('x', 10))
})

t.test('rooms: a member that skipped entries gets a resync, as long as it is a member', async (t) => {
  const rooms = started(new MemoryAdapter())
  const sources: Array<ResyncSource | undefined> = []
  const member: Member = {
    id: 'slow', userId: undefined, send: (_message, _whenSlow, source) => sources.push(source), sendResync: () => {}
  }
  await rooms.openRoom('x', 10)
  rooms.addMember('x', member)
  const append = (id: string) => {
    return rooms.append('x', { id, encoded: said('one'), whenSlow: 'skip', limit: 10, ttl: 1_000 })
  }
  await append('1')
  const [source] = sources
  t.match(
    JSON.parse(String(source?.resync('slow', 'slow'))),
    { type: 'resync', channel: 'x', payload: { offset: 1, reason: 'slow', messages: [{ payload: 'one', offset: 1 }] } }
  )
  t.equal(source?.resync('another member', 'slow'), undefined, 'a connection that is not a member gets no resync')
  const first = source?.resync('slow', 'slow')
  t.equal(source?.resync('slow', 'slow'), first, 'members share the bytes')
  t.match(JSON.parse(String(source?.resync('slow', 'fork'))), { payload: { reason: 'fork' } })
  await append('2')
  t.match(JSON.parse(String(source?.resync('slow', 'fork'))), { payload: { offset: 2 } })
})

const entry = (user: string, data: unknown = {}) => ({ user, data })

const at = (sequence: number, epoch = 'one') => ({ epoch, sequence })

t.test('presence: changes that arrive before the list are applied to it, unless it contains them', async (t) => {
  const replica = new PresenceReplica()
  t.equal(replica.apply(at(3), { left: ['ada'] }), 'old', 'changes wait until the list arrives')
  replica.apply(at(5), { joined: [entry('bob')] })
  replica.apply(at(6), { left: ['eve'] })
  t.strictSame(replica.entries, [])
  replica.replace({ ...at(4), entries: [entry('ada'), entry('eve')] })
  t.strictSame(replica.entries, [entry('ada'), entry('bob')])
  t.equal(replica.apply(at(6), { left: ['bob'] }), 'old', 'a change that was applied counts as old')
})

t.test("presence: a change before the newest one is 'old', one that does not follow it is a 'hole'", async (t) => {
  const replica = new PresenceReplica()
  replica.replace({ ...at(1), entries: [] })
  t.equal(replica.apply(at(2), { joined: [entry('ada', 1)] }), 'new')
  t.equal(replica.apply(at(2), { left: ['ada'] }), 'old')
  t.equal(replica.apply(at(1), { left: ['ada'] }), 'old')
  t.equal(replica.apply(at(4), { left: ['ada'] }), 'hole')
  t.equal(replica.apply(at(1, 'two'), { joined: [entry('bob')] }), 'hole', 'a change of another epoch is a hole')
  t.strictSame(replica.entries, [entry('ada', 1)])
  t.equal(replica.apply(at(3), { updated: [entry('ada', 2)] }), 'new')
  t.strictSame(replica.entries, [entry('ada', 2)])
})

t.test('presence: the first change of an epoch follows an empty list', async (t) => {
  const replica = new PresenceReplica()
  replica.replace({ ...at(0, ''), entries: [] })
  t.equal(replica.apply(at(1), { joined: [entry('ada')] }), 'new')
  t.equal(replica.apply(at(2, 'two'), { joined: [entry('bob')] }), 'hole')
})

t.test('presence: replacing the list returns the difference', async (t) => {
  const replica = new PresenceReplica()
  t.strictSame(
    replica.replace({ ...at(4), entries: [entry('ada', 1), entry('bob', 1)] }),
    { joined: [entry('ada', 1), entry('bob', 1)] }
  )
  t.equal(
    replica.replace({ ...at(4), entries: [entry('ada', 1), entry('bob', 1)] }), undefined, 'the same list'
  )
  t.strictSame(
    replica.replace({ ...at(7), entries: [entry('ada', 2), entry('cleo', 1)] }),
    { joined: [entry('cleo', 1)], updated: [entry('ada', 2)], left: ['bob'] }
  )
  t.equal(replica.replace({ ...at(5), entries: [] }), undefined, 'an older list')
  t.strictSame(
    [replica.isLostIn({ ...at(1, 'two'), entries: [] }), replica.isLostIn({ ...at(9), entries: [] })], [true, false]
  )
})

/** Rooms with one member. The test decides which presence list and which events the adapter has. */
async function roomWith (snapshot: PresenceList) {
  const adapter = new MemoryAdapter()
  let receiver: AdapterEvents | undefined
  const given = { snapshot, reads: 0 }
  Object.assign(adapter, { start: (events: AdapterEvents) => { receiver = events } })
  adapterWith({
    presence: {
      list: async () => {
        given.reads++
        return given.snapshot
      }
    }
  }, adapter)
  const own = new FakeClock()
  const rooms = new Rooms(adapter, own)
  adapter.start({ ...rooms.adapterEvents, revoked: () => {}, requested: () => undefined })
  const member = new FakeMember('watcher')
  await join(rooms, member)
  return { rooms, member, given, clock: own, receiver: receiver as unknown as AdapterEvents }
}

const nextTick = () => new Promise(setImmediate)

t.test('presence: after a missing change the list is read again, and members get the difference', async (t) => {
  const { member, given, receiver } = await roomWith({ ...at(1), entries: [entry('ada')] })
  given.snapshot = { ...at(3), entries: [entry('bob')] }
  receiver.presenceChanged('x', at(3), { joined: [entry('bob')] })
  await nextTick()
  t.strictSame(member.payloads, [{ joined: [entry('bob')], left: ['ada'] }])
  receiver.presenceChanged('y', at(9), { left: ['ada'] })
  await nextTick()
  t.equal(given.reads, 2, 'the list of a channel without a room is not read')
})

t.test('presence: after Redis lost its data, members get departures only after 5 s', async (t) => {
  const { member, given, receiver, clock } = await roomWith({ ...at(5), entries: [entry('ada'), entry('bob')] })
  given.snapshot = { ...at(1, 'two'), entries: [entry('ada')] }
  receiver.gap()
  receiver.gap()
  await nextTick()
  t.strictSame(member.payloads, [])
  given.snapshot = { ...at(2, 'two'), entries: [entry('ada'), entry('cleo')] }
  clock.advance(5_000)
  await nextTick()
  t.strictSame(member.payloads, [{ joined: [entry('cleo')], left: ['bob'] }])
  receiver.gap()
  await nextTick()
  t.equal(member.payloads.length, 1, 'another gap without a loss changes nothing')
})

t.test("rooms: the 'whenSlow' of a broadcast reaches the members on all nodes", async (t) => {
  const { rooms: [here, elsewhere] } = cluster()
  const received: unknown[] = []
  const member = (id: string): Member => {
    return { id, userId: id, send: (_, whenSlow) => received.push([id, whenSlow]), sendResync: () => {} }
  }
  await join(here, member('near'))
  await join(elsewhere, member('far'))
  here.broadcast('x', said('moved'), { whenSlow: { latest: 'ann' } })
  t.strictSame(
    received, [['far', { latest: 'ann' }], ['near', { latest: 'ann' }]], 'members on other nodes come first'
  )
})
