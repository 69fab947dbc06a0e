import t from 'tap'
import { MemoryAdapter } from '../../../lib/memory/memory-adapter.ts'
import type { AdapterEvents } from '../../../lib/cluster/events.ts'
import type { PresenceList } from '../../../lib/cluster/presence.ts'
import type { PresenceListKind } from '../../../lib/protocol/control-messages.ts'
import { gatheringMs } from '../../../lib/rooms/gathering.ts'
import { PresenceReplica } from '../../../lib/rooms/presence/presence-replica.ts'
import { Rooms } from '../../../lib/rooms/rooms.ts'
import { FakeClock } from '../../../lib/testing/fake-clock.ts'
import { adapterWith } from '../../support/adapter-with.ts'
import { cluster, down, FakeMember, join, leave, roomsWith, started } from '../../support/rooms.ts'

const entry = (user: string, data: unknown = {}) => ({ user, data })

const at = (sequence: number, epoch = 'one') => ({ epoch, sequence })

/** Rooms with one member. The test decides which presence list and which events the adapter has. */
async function roomWith (snapshot: PresenceList, list?: PresenceListKind) {
  const adapter = new MemoryAdapter()
  let receiver: AdapterEvents | undefined
  const given = { snapshot, reads: 0, fails: false }
  Object.assign(adapter, { start: (events: AdapterEvents) => { receiver = events } })
  adapterWith({
    presence: {
      list: async () => {
        given.reads++
        if (given.fails) throw new Error('away')
        return given.snapshot
      }
    }
  }, adapter)
  const own = new FakeClock()
  const rooms = new Rooms(adapter, own)
  adapter.start({ ...rooms.adapterEvents, revoked: () => {}, requested: () => undefined })
  const member = new FakeMember('watcher')
  await join(rooms, member, undefined, 'x', list)
  return { rooms, member, given, clock: own, receiver: receiver as unknown as AdapterEvents }
}

/** Until the changes of this event-loop iteration are announced, and those of a list that is read first. */
async function announced (): Promise<void> {
  for (let i = 0; i < 2; i++) await new Promise(setImmediate)
}

t.test('presence: the list is the same on all nodes, and members get the changes', async (t) => {
  const { rooms: [here, elsewhere] } = cluster()
  const [ada, bob] = [new FakeMember('1', 'ada'), new FakeMember('2', 'bob')]
  t.strictSame(await join(here, ada, { name: 'Ada' }), [entry('ada', { name: 'Ada' })], 'the list has the user itself')
  await announced()
  const both = [entry('ada', { name: 'Ada' }), entry('bob', { name: 'Bob' })]
  t.strictSame(await join(elsewhere, bob, { name: 'Bob' }), both, 'a node that opens the room later has the same list')
  await announced()
  t.strictSame(ada.payloads, [{ joined: [both[1]] }], 'the earlier member gets the change')
  t.match(JSON.parse(String(ada.received[0])), { type: 'presence', channel: 'x' })
  leave(elsewhere, bob)
  await announced()
  t.strictSame(ada.payloads.slice(1), [{ left: ['bob'] }])
})

t.test('presence: a user with several connections is one entry', async (t) => {
  const { rooms: [here, elsewhere] } = cluster()
  const [watcher, first, second] = [new FakeMember('w'), new FakeMember('1', 'ada'), new FakeMember('2', 'ada')]
  await join(here, watcher)
  await join(here, first, { name: 'Ada' })
  await announced()
  t.strictSame(await join(elsewhere, second, { name: 'Ada' }), [entry('ada', { name: 'Ada' })])
  leave(here, first)
  await announced()
  t.equal(watcher.payloads.length, 1, 'the member gets one change for both connections')
  leave(elsewhere, second)
  await announced()
  t.strictSame(watcher.payloads.slice(1), [{ left: ['ada'] }])
})

t.test('presence: new data of a present user replaces the old data', async (t) => {
  const { rooms: [here, elsewhere] } = cluster()
  const [first, second] = [new FakeMember('1', 'ada'), new FakeMember('2', 'ada')]
  await join(here, first, { name: 'Ada' })
  await announced()
  t.strictSame(await join(elsewhere, second, { name: 'Countess' }), [entry('ada', { name: 'Countess' })])
  await announced()
  t.strictSame(first.payloads, [{ updated: [entry('ada', { name: 'Countess' })] }])
  t.strictSame(second.payloads, [], 'the joining member knows its own data')
})

t.test('presence: a connection without a user id is listed by its own id', async (t) => {
  const { rooms: [here] } = cluster()
  const guest = { id: 'guest-1', userId: undefined, send: () => {}, sendResync: () => {}, sendPages: () => {} }
  t.strictSame(await join(here, guest, {}), [entry('guest-1')])
})

t.test('presence: changes of one event-loop iteration arrive as one message', async (t) => {
  const { rooms: [here] } = cluster()
  const members = ['ada', 'bob', 'cleo', 'dan'].map((user) => new FakeMember(user))
  const [ada, bob] = members as [FakeMember, FakeMember]
  await join(here, ada, {})
  await announced()
  for (const member of members.slice(1)) {
    t.strictSame(await join(here, member, {}), [entry('ada'), entry(member.id)], 'an ack lists what members know')
  }
  leave(here, bob)
  await announced()
  t.strictSame(
    members.map(({ payloads }) => payloads),
    [[{ joined: [entry('cleo'), entry('dan')] }], [], [{ joined: [entry('dan')] }], [{ joined: [entry('cleo')] }]],
    'each member gets the others, bob came and went unseen'
  )
})

t.test('presence: a user who leaves and comes back in between is not announced, unless with other data', async (t) => {
  const { rooms: [here] } = cluster()
  const [watcher, ada, again] = [new FakeMember('w'), new FakeMember('1', 'ada'), new FakeMember('2', 'ada')]
  await join(here, watcher)
  await join(here, ada, { n: 1 })
  await announced()
  leave(here, ada)
  await join(here, again, { n: 1 })
  await announced()
  t.equal(watcher.payloads.length, 1, 'the same data are no change')
  leave(here, again)
  await join(here, ada, { n: 2 })
  await announced()
  t.strictSame(watcher.payloads.slice(1), [{ updated: [entry('ada', { n: 2 })] }])
})

t.test('presence: a joining member gets later data of its own user', async (t) => {
  const { rooms: [here] } = cluster()
  const [first, second, gone] = [new FakeMember('1', 'ada'), new FakeMember('2', 'ada'), new FakeMember('3', 'ada')]
  await join(here, first, { n: 1 })
  await join(here, second, { n: 2 })
  await join(here, gone, { n: 2 })
  leave(here, gone)
  await announced()
  t.strictSame(first.payloads, [{ updated: [entry('ada', { n: 2 })] }])
  t.strictSame([...second.payloads, ...gone.payloads], [])
})

t.test('presence: a member gets no message about its own join, also when the adapter announces it late', async (t) => {
  const { rooms, member, receiver } = await roomWith({ ...at(1), entries: [] })
  const ada = new FakeMember('ada')
  t.strictSame(await join(rooms, ada, {}), [entry('ada')], 'its own ack lists it')
  await announced()
  receiver.presenceChanged('x', at(2), { joined: [entry('bob')] })
  await announced()
  receiver.presenceChanged('x', at(3), { joined: [entry('ada')] })
  receiver.presenceChanged('x', at(4), { left: ['bob'] })
  await announced()
  t.strictSame(member.payloads, [{ joined: [entry('bob')] }, { joined: [entry('ada')], left: ['bob'] }])
  t.strictSame(ada.payloads, [{ joined: [entry('bob')] }, { left: ['bob'] }])
})

t.test('presence: changes are gathered for an iteration, 100 ms or 1 s, by the number of members', async (t) => {
  t.strictSame([1, 100, 101, 1_000, 1_001, 50_000].map(gatheringMs), [0, 0, 100, 100, 1_000, 1_000])
  const clock = new FakeClock()
  const rooms = started(new MemoryAdapter(), clock)
  const watchers = Array.from({ length: 101 }, (_, i) => new FakeMember(`w${i}`))
  for (const watcher of watchers) await join(rooms, watcher)
  const ada = new FakeMember('ada')
  await join(rooms, ada, {})
  await announced()
  clock.advance(99)
  t.strictSame(watchers[0]?.payloads, [], 'nothing is announced before')
  clock.advance(1)
  t.strictSame(watchers.map(({ payloads }) => payloads), watchers.map(() => [{ joined: [entry('ada')] }]))
  t.ok(watchers.every(({ received }) => received[0] === watchers[0]?.received[0]), 'the message is encoded once')
  leave(rooms, ada)
  for (const watcher of watchers) leave(rooms, watcher)
  t.equal(clock.pending, 0, 'the room is closed with its timer')
})

t.test('presence: 400 joins at once cost each member one message instead of 400', async (t) => {
  const { rooms: [rooms] } = cluster()
  const members = Array.from({ length: 400 }, (_, i) => new FakeMember(`user ${i}`))
  const lists = await Promise.all(members.map((member) => join(rooms, member, {})))
  await announced()
  const messages = members.reduce((sum, { received }) => sum + received.length, 0)
  t.ok(messages <= members.length, `${messages} messages for 400 members`)
  for (const [i, { id, payloads }] of members.entries()) {
    const known = (lists[i] ?? []).map(({ user }) => user)
    const told = payloads.flatMap((payload) => (payload as { joined: typeof lists[0] & {} }).joined)
    const users = new Set([...known, ...told.map(({ user }) => user)])
    if (users.size !== 400 || known.length + told.length !== 400) t.fail(`${id} does not know each user once`)
  }
})

t.test("presence: with list 'count', members learn the number of users and nothing else", async (t) => {
  const { rooms: [here, elsewhere] } = cluster()
  const [ada, bob, tab, cleo] = ['ada', 'bob', 'tab', 'cleo'].map((id) => {
    return new FakeMember(id, id === 'tab' ? 'ada' : id)
  }) as [FakeMember, FakeMember, FakeMember, FakeMember]
  t.strictSame(await join(here, ada, {}, 'x', 'count'), { count: 1 })
  await announced()
  t.strictSame(await join(elsewhere, bob, {}, 'x', 'count'), { count: 2 }, 'another node counts too')
  t.strictSame(await join(here, tab, {}, 'x', 'count'), { count: 2 }, 'a user counts once')
  await announced()
  t.strictSame([ada, bob, tab].map(({ payloads }) => payloads), [[{ count: 2 }], [], []], 'an own joining is not told')
  leave(elsewhere, bob)
  t.strictSame(await join(here, cleo, {}, 'x', 'count'), { count: 2 })
  await announced()
  t.equal(ada.received.length, 1, 'one left and one joined: the number is the same')
  leave(here, tab)
  leave(here, cleo)
  await announced()
  t.strictSame([ada, cleo].map(({ payloads }) => payloads), [[{ count: 2 }, { count: 1 }], []])
})

t.test("presence: with list 'count', a joining that the adapter announces late is counted once", async (t) => {
  const { rooms, member, receiver } = await roomWith({ ...at(1), entries: [entry('bob')] }, 'count')
  const ada = new FakeMember('ada')
  t.strictSame(await join(rooms, ada, {}, 'x', 'count'), { count: 2 })
  receiver.presenceChanged('x', at(2), { joined: [entry('cleo')] })
  await announced()
  receiver.presenceChanged('x', at(3), { joined: [entry('ada')] })
  await announced()
  t.strictSame([member, ada].map(({ payloads }) => payloads), [[{ count: 2 }, { count: 3 }], [{ count: 3 }]])
})

t.test("presence: with list 'none', members learn nothing", async (t) => {
  const { hub, rooms: [here] } = cluster()
  const [ada, bob] = [new FakeMember('ada'), new FakeMember('bob')]
  t.strictSame([await join(here, ada, {}, 'x', 'none'), await join(here, bob, {}, 'x', 'none')], [null, null])
  await announced()
  t.strictSame([...ada.payloads, ...bob.payloads], [])
  t.equal(hub.presenceCount('x'), 2, 'both are present')
  leave(here, bob)
})

t.test('presence: enterPresence rejects if the adapter fails', async (t) => {
  const rooms = roomsWith({ presence: { enter: down } })
  await rooms.openRoom('x')
  await t.rejects(rooms.enterPresence('x', new FakeMember('a'), {}), { message: 'adapter is down' })
})

t.test('presence: changes that arrive before the list are applied to it, unless it contains them', async (t) => {
  const replica = new PresenceReplica()
  t.equal(replica.apply(at(3), { left: ['ada'] }), 'old', 'changes wait until the list arrives')
  replica.apply(at(5), { joined: [entry('bob')] })
  replica.apply(at(6), { left: ['eve'] })
  t.equal(replica.users.size, 0)
  replica.replace({ ...at(4), entries: [entry('ada'), entry('eve')] })
  t.strictSame([...replica.users.keys()], ['ada', 'bob'])
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
  t.strictSame([...replica.users], [['ada', 1]])
  t.equal(replica.apply(at(3), { updated: [entry('ada', 2)] }), 'new')
  t.strictSame([...replica.users], [['ada', 2]])
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
  t.match(replica.replace({ ...at(5), entries: [entry('ada', 2)] }), { left: ['cleo'] }, 'a sequence may go back')
  t.strictSame(
    [replica.isLostIn({ ...at(1, 'two'), entries: [] }), replica.isLostIn({ ...at(9), entries: [] })], [true, false]
  )
})

t.test('presence: after a missing change the list is read again, and members get the difference', async (t) => {
  const { member, given, receiver } = await roomWith({ ...at(1), entries: [entry('ada')] })
  given.snapshot = { ...at(3), entries: [entry('bob')] }
  receiver.presenceChanged('x', at(3), { joined: [entry('bob')] })
  await announced()
  t.strictSame(member.payloads, [{ joined: [entry('bob')], left: ['ada'] }])
  receiver.presenceChanged('y', at(9), { left: ['ada'] })
  await announced()
  t.equal(given.reads, 2, 'the list of a channel without a room is not read')
})

t.test('presence: after a failover to a Redis that lacks the last changes, the list is that of Redis', async (t) => {
  const { member, given, receiver } = await roomWith({ ...at(5), entries: [entry('ada'), entry('bob')] })
  given.snapshot = { ...at(4), entries: [entry('ada')] }
  receiver.gap()
  receiver.presenceChanged('x', at(5), { joined: [entry('cleo')] })
  await announced()
  t.strictSame(member.payloads, [{ joined: [entry('cleo')], left: ['bob'] }], 'number 5 is given again')
  receiver.presenceChanged('x', at(6), { left: ['ada'] })
  await announced()
  t.strictSame(member.payloads.slice(1), [{ left: ['ada'] }])
})

t.test('presence: after a read that failed the next change reads the list', async (t) => {
  const { member, given, receiver } = await roomWith({ ...at(1), entries: [entry('ada')] })
  given.fails = true
  receiver.gap()
  await announced()
  given.fails = false
  given.snapshot = { ...at(3), entries: [entry('bob')] }
  receiver.presenceChanged('x', at(3), { left: ['ada'] })
  await announced()
  t.strictSame(member.payloads, [{ joined: [entry('bob')], left: ['ada'] }])
})

t.test('presence: after Redis lost its data, members get departures only after 5 s', async (t) => {
  const { member, given, receiver, clock } = await roomWith({ ...at(5), entries: [entry('ada'), entry('bob')] })
  given.snapshot = { ...at(1, 'two'), entries: [entry('ada')] }
  receiver.gap()
  receiver.gap()
  await announced()
  t.strictSame(member.payloads, [])
  given.snapshot = { ...at(2, 'two'), entries: [entry('ada'), entry('cleo')] }
  clock.advance(5_000)
  await announced()
  t.strictSame(member.payloads, [{ joined: [entry('cleo')], left: ['bob'] }])
  receiver.gap()
  await announced()
  t.equal(member.payloads.length, 1, 'another gap without a loss changes nothing')
})
