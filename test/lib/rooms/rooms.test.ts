import t from 'tap'
import { MemoryAdapter, MemoryHub } from '../../../lib/memory/memory-adapter.ts'
import type { Adapter } from '../../../lib/cluster/adapter.ts'
import type { AdapterEvents } from '../../../lib/cluster/events.ts'
import type { PresenceList } from '../../../lib/cluster/presence.ts'
import { encodeEnvelope, type EncodedMessage } from '../../../lib/protocol/encoding.ts'
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
  readonly frames: EncodedMessage[] = []

  constructor (id: string, userId: string | undefined = id) {
    this.id = id
    this.userId = userId
  }

  send (bytes: EncodedMessage): void {
    this.frames.push(bytes)
  }

  get payloads (): unknown[] {
    return this.frames.map((bytes) => JSON.parse(bytes.toString()).payload)
  }
}

/** As dispatch does it. */
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

t.test('a broadcast reaches every member of the channel, here and elsewhere, as the same bytes', async (t) => {
  const { rooms: [here, elsewhere] } = cluster()
  const [a, b, far, other] = [new FakeMember('a'), new FakeMember('b'), new FakeMember('far'), new FakeMember('other')]
  await join(here, a)
  await join(here, b)
  await join(elsewhere, far)
  await join(here, other, undefined, 'y')
  const bytes = said('hello')
  here.broadcast('x', bytes)
  for (const member of [a, b, far]) t.strictSame(member.frames, [bytes], member.id)
  t.equal(a.frames[0], b.frames[0], 'encoded once')
  t.strictSame(other.frames, [])
})

t.test('members get what is broadcast in the order it was broadcast', async (t) => {
  const { rooms: [here, elsewhere] } = cluster()
  const [a, far] = [new FakeMember('a'), new FakeMember('far')]
  await join(here, a)
  await join(elsewhere, far)
  for (const text of ['1', '2', '3']) here.broadcast('x', said(text))
  for (const member of [a, far]) t.strictSame(member.payloads, ['1', '2', '3'])
})

t.test('the one member excepted does not get it', async (t) => {
  const { rooms: [here, elsewhere] } = cluster()
  const [a, b, far] = [new FakeMember('a'), new FakeMember('b'), new FakeMember('far')]
  await join(here, a)
  await join(here, b)
  await join(elsewhere, far)
  here.broadcast('x', said('typing'), { except: 'a' })
  t.strictSame([a, b, far].map(({ frames }) => frames.length), [0, 1, 1])
})

t.test('a broadcast from a node without members reaches those of others', async (t) => {
  const { rooms: [here, elsewhere] } = cluster()
  const far = new FakeMember('far')
  await join(elsewhere, far)
  here.broadcast('x', said('news'))
  t.strictSame(far.payloads, ['news'])
  t.equal(here.size, 0)
})

t.test('a node hears of a channel only while it has members there', async (t) => {
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

t.test('who left gets nothing more', async (t) => {
  const { rooms: [here] } = cluster()
  const [a, b] = [new FakeMember('a'), new FakeMember('b')]
  await join(here, a)
  await join(here, b)
  leave(here, a)
  here.broadcast('x', said('later'))
  t.strictSame([a.frames.length, b.frames.length], [0, 1])
})

t.test('a room that is not open has no members to add to or take from', async (t) => {
  const { rooms: [here] } = cluster()
  const a = new FakeMember('a')
  here.addMember('x', a)
  here.deleteMember('x', a)
  t.strictSame([here.members('x'), here.presenceEntries('x'), here.size], [[], [], 0])
  const own = { user: 'ada', data: {} }
  t.strictSame(here.presenceEntries('x', own), [own], 'a joining user is present before the adapter announces it')
})

t.test('presence is the same on every node, and members are told what changes', async (t) => {
  const { rooms: [here, elsewhere] } = cluster()
  const [ada, bob] = [new FakeMember('1', 'ada'), new FakeMember('2', 'bob')]
  await join(here, ada, { name: 'Ada' })
  await join(elsewhere, bob, { name: 'Bob' })
  const both = [{ user: 'ada', data: { name: 'Ada' } }, { user: 'bob', data: { name: 'Bob' } }]
  t.strictSame(here.presenceEntries('x'), both)
  t.strictSame(elsewhere.presenceEntries('x'), both, 'the later node begins with a snapshot')
  t.strictSame(ada.payloads, [{ joined: [both[1]] }], 'the earlier member is told of the later')
  t.strictSame(bob.payloads, [], 'the later finds himself in the snapshot')
  t.match(JSON.parse(String(ada.frames[0])), { type: 'presence', channel: 'x' })
  leave(elsewhere, bob)
  t.strictSame(ada.payloads.at(-1), { left: ['bob'] })
  t.strictSame(here.presenceEntries('x'), both.slice(0, 1))
})

t.test('a user is one entry however many connections there are', async (t) => {
  const { rooms: [here, elsewhere] } = cluster()
  const [watcher, first, second] = [new FakeMember('w'), new FakeMember('1', 'ada'), new FakeMember('2', 'ada')]
  await join(here, watcher)
  await join(here, first, { name: 'Ada' })
  await join(elsewhere, second, { name: 'Ada' })
  t.strictSame(elsewhere.presenceEntries('x'), [{ user: 'ada', data: { name: 'Ada' } }])
  leave(here, first)
  t.equal(watcher.payloads.length, 1, 'nothing but the first join')
  leave(elsewhere, second)
  t.strictSame(watcher.payloads.slice(1), [{ left: ['ada'] }])
})

t.test('new data of a user who is present replaces the old', async (t) => {
  const { rooms: [here, elsewhere] } = cluster()
  const [first, second] = [new FakeMember('1', 'ada'), new FakeMember('2', 'ada')]
  await join(here, first, { name: 'Ada' })
  await join(elsewhere, second, { name: 'Countess' })
  const entry = { user: 'ada', data: { name: 'Countess' } }
  t.strictSame(first.payloads, [{ updated: [entry] }])
  t.strictSame(here.presenceEntries('x'), [entry])
})

t.test('who has no user id is present by connection', async (t) => {
  const { rooms: [here] } = cluster()
  const guest = new FakeMember('guest-1')
  await join(here, { id: guest.id, userId: undefined, send: () => {} }, {})
  t.strictSame(here.presenceEntries('x'), [{ user: 'guest-1', data: {} }])
})

t.test('nothing is left on the hub when all have left and the nodes are closed', async (t) => {
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

/** A memory adapter of which some calls are replaced. */
function roomsWith (replaced: Replacements): Rooms {
  return started(adapterWith(replaced))
}

const down = async () => { throw new Error('adapter is down') }

t.test('rooms: an unreachable channel rejects openRoom, and the next opening tries again', async (t) => {
  let isDown = true
  const rooms = roomsWith({ pubsub: { subscribe: async () => { if (isDown) throw new Error('adapter is down') } } })
  const outcomes = await Promise.allSettled([rooms.openRoom('x'), rooms.openRoom('x')])
  t.strictSame(outcomes.map(({ status }) => status), ['rejected', 'rejected'])
  t.equal(rooms.size, 1, 'they hold it until they release it')
  rooms.releaseRoom('x')
  rooms.releaseRoom('x')
  t.equal(rooms.size, 0)
  isDown = false
  await t.resolves(rooms.openRoom('x'))
})

t.test('a channel whose presence cannot be read is not open', async (t) => {
  const rooms = roomsWith({ presence: { list: down } })
  await t.rejects(rooms.openRoom('x'), { message: 'adapter is down' })
  rooms.releaseRoom('x')
  t.equal(rooms.size, 0)
})

t.test('entering rejects when the adapter cannot', async (t) => {
  const rooms = roomsWith({ presence: { enter: down } })
  await rooms.openRoom('x')
  await t.rejects(rooms.enterPresence('x', new FakeMember('a'), {}), { message: 'adapter is down' })
})

t.test('members here get a broadcast though the adapter fails, and what may fail does so quietly', async (t) => {
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

t.test('a room whose log cannot be read does not open, unless all of it is away', async (t) => {
  const failing = roomsWith({ history: { read: down } })
  await t.rejects(failing.openRoom('x', 10))
  failing.releaseRoom('x')
  t.equal(failing.size, 0)
  const away = roomsWith({ history: { read: down }, status: { state: 'degraded', since: 0, reason: 'a test' } })
  await t.resolves(away.openRoom('x', 10))
})

t.test('a member who skipped some of a log is given it anew, as long as it is one', async (t) => {
  const rooms = started(new MemoryAdapter())
  const streams: Array<ResyncSource | undefined> = []
  const member: Member = { id: 'slow', userId: undefined, send: (_frame, _whenSlow, stream) => streams.push(stream) }
  await rooms.openRoom('x', 10)
  rooms.addMember('x', member)
  await rooms.append('x', { id: '1', encoded: said('one'), whenSlow: 'skip', limit: 10, ttl: 1_000 })
  const [log] = streams
  t.match(
    JSON.parse(String(log?.resync('slow'))),
    { type: 'resync', channel: 'x', payload: { offset: 1, reason: 'slow', messages: [{ payload: 'one', offset: 1 }] } }
  )
  t.equal(log?.resync('somebody else'), undefined)
})

const entry = (user: string, data: unknown = {}) => ({ user, data })

const at = (sequence: number, epoch = 'one') => ({ epoch, sequence })

t.test('changes that come before the snapshot are applied after it, unless it holds them', async (t) => {
  const replica = new PresenceReplica()
  t.equal(replica.apply(at(3), { left: ['ada'] }), 'old', 'nobody is told yet')
  replica.apply(at(5), { joined: [entry('bob')] })
  replica.apply(at(6), { left: ['eve'] })
  t.strictSame(replica.entries, [])
  replica.replace({ ...at(4), entries: [entry('ada'), entry('eve')] })
  t.strictSame(replica.entries, [entry('ada'), entry('bob')])
  t.equal(replica.apply(at(6), { left: ['bob'] }), 'old', 'and they count as seen')
})

t.test('a change that is not newer than the last is no news; one that does not follow it is a hole', async (t) => {
  const replica = new PresenceReplica()
  replica.replace({ ...at(1), entries: [] })
  t.equal(replica.apply(at(2), { joined: [entry('ada', 1)] }), 'new')
  t.equal(replica.apply(at(2), { left: ['ada'] }), 'old')
  t.equal(replica.apply(at(1), { left: ['ada'] }), 'old')
  t.equal(replica.apply(at(4), { left: ['ada'] }), 'hole')
  t.equal(replica.apply(at(1, 'two'), { joined: [entry('bob')] }), 'hole', 'another epoch')
  t.strictSame(replica.entries, [entry('ada', 1)])
  t.equal(replica.apply(at(3), { updated: [entry('ada', 2)] }), 'new')
  t.strictSame(replica.entries, [entry('ada', 2)])
})

t.test('where nobody was, the first change of an epoch is all there is', async (t) => {
  const replica = new PresenceReplica()
  replica.replace({ ...at(0, ''), entries: [] })
  t.equal(replica.apply(at(1), { joined: [entry('ada')] }), 'new')
  t.equal(replica.apply(at(2, 'two'), { joined: [entry('bob')] }), 'hole')
})

t.test('a new snapshot tells what it changes', async (t) => {
  const replica = new PresenceReplica()
  t.strictSame(
    replica.replace({ ...at(4), entries: [entry('ada', 1), entry('bob', 1)] }),
    { joined: [entry('ada', 1), entry('bob', 1)] }
  )
  t.equal(
    replica.replace({ ...at(4), entries: [entry('ada', 1), entry('bob', 1)] }), undefined, 'the same changes nothing'
  )
  t.strictSame(
    replica.replace({ ...at(7), entries: [entry('ada', 2), entry('cleo', 1)] }),
    { joined: [entry('cleo', 1)], updated: [entry('ada', 2)], left: ['bob'] }
  )
  t.equal(replica.replace({ ...at(5), entries: [] }), undefined, 'nor does one that a change has overtaken')
  t.strictSame(
    [replica.isLostIn({ ...at(1, 'two'), entries: [] }), replica.isLostIn({ ...at(9), entries: [] })], [true, false]
  )
})

/** Rooms whose adapter tells what the test says, of one channel that a member has joined. */
async function roomWith (snapshot: PresenceList) {
  const adapter = new MemoryAdapter()
  let receiver: AdapterEvents | undefined
  const given = { snapshot, asked: 0 }
  Object.assign(adapter, { start: (told: AdapterEvents) => { receiver = told } })
  adapterWith({
    presence: {
      list: async () => {
        given.asked++
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

const turn = () => new Promise(setImmediate)

t.test('a hole in the changes is filled from a new snapshot, and members are told the difference', async (t) => {
  const { member, given, receiver } = await roomWith({ ...at(1), entries: [entry('ada')] })
  given.snapshot = { ...at(3), entries: [entry('bob')] }
  receiver.presenceChanged('x', at(3), { joined: [entry('bob')] })
  await turn()
  t.strictSame(member.payloads, [{ joined: [entry('bob')], left: ['ada'] }])
  receiver.presenceChanged('y', at(9), { left: ['ada'] })
  await turn()
  t.equal(given.asked, 2, 'what is nobody\'s here is not asked about')
})

t.test('when all was lost, nobody is told to have left until the nodes have said again who is there', async (t) => {
  const { member, given, receiver, clock } = await roomWith({ ...at(5), entries: [entry('ada'), entry('bob')] })
  given.snapshot = { ...at(1, 'two'), entries: [entry('ada')] }
  receiver.gap()
  receiver.gap()
  await turn()
  t.strictSame(member.payloads, [])
  given.snapshot = { ...at(2, 'two'), entries: [entry('ada'), entry('cleo')] }
  clock.advance(5_000)
  await turn()
  t.strictSame(member.payloads, [{ joined: [entry('cleo')], left: ['bob'] }])
  receiver.gap()
  await turn()
  t.equal(member.payloads.length, 1, 'and then it is as ever')
})

t.test('what becomes of a message for a slow reader travels with it, here and elsewhere', async (t) => {
  const { rooms: [here, elsewhere] } = cluster()
  const told: unknown[] = []
  const member = (id: string): Member => ({ id, userId: id, send: (_frame, whenSlow) => told.push([id, whenSlow]) })
  await join(here, member('near'))
  await join(elsewhere, member('far'))
  here.broadcast('x', said('moved'), { whenSlow: { latest: 'ann' } })
  t.strictSame(
    told, [['far', { latest: 'ann' }], ['near', { latest: 'ann' }]], 'and those elsewhere do not wait for those here'
  )
})
