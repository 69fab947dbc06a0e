import t from 'tap'
import { MemoryAdapter } from '../../../lib/memory/memory-adapter.ts'
import { encodeEnvelope } from '../../../lib/protocol/encoding.ts'
import type { ResyncSource } from '../../../lib/protocol/when-slow.ts'
import type { Member } from '../../../lib/rooms/member.ts'
import { cluster, down, FakeMember, join, leave, roomsWith, started } from '../../support/rooms.ts'
import { exceptElsewhere, isExcepted } from '../../../lib/rooms/exceptions.ts'

const said = (text: string) => encodeEnvelope({ type: 'said', channel: 'x', payload: text })

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
  here.broadcast('x', said('typing'), { except: { connection: 'a' } })
  t.strictSame([a, b, far].map(({ received }) => received.length), [0, 1, 1])
})

t.test("rooms: nobody of the user or the rooms in 'except' gets the broadcast, on any node", async (t) => {
  const { rooms: [here, elsewhere] } = cluster()
  const members = ['a', 'b', 'c'].flatMap((id) => [[here, new FakeMember(`${id} here`, id)] as const,
    [elsewhere, new FakeMember(`${id} there`, id)] as const])
  for (const [rooms, member] of members) await join(rooms, member)
  for (const [rooms, member] of members) if (member.userId === 'b') await join(rooms, member, undefined, 'y')
  const received = () => members.map(([, member]) => member.payloads.at(-1))
  here.broadcast('x', said('1'), { except: { user: 'a' } })
  t.strictSame(received(), [undefined, undefined, '1', '1', '1', '1'])
  here.broadcast('x', said('2'), { except: { connection: 'c there', membersOf: ['y', 'nobody'] } })
  t.strictSame(received(), ['2', '2', '1', '1', '2', '1'], 'the connection of another node, and the members of y')
})

t.test('rooms: the size of a room is the number of its members here', async (t) => {
  const { rooms: [here, elsewhere] } = cluster()
  for (const id of ['a', 'b']) await join(here, new FakeMember(id))
  await join(elsewhere, new FakeMember('c'))
  await here.openRoom('y')
  t.strictSame([...here.sizes], [['x', 2]], 'a join under way is no member')
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
  t.strictSame([here.members('x'), here.size], [[], 0])
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
  await t.rejects(rooms.openRoom('x', { list: 'all' }), { message: 'adapter is down' })
  rooms.releaseRoom('x')
  t.equal(rooms.size, 0)
  await t.resolves(rooms.openRoom('x', { list: 'none' }), 'a room whose members learn nothing does not read it')
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
  await t.rejects(failing.openRoom('x', { initial: 10 }))
  failing.releaseRoom('x')
  t.equal(failing.size, 0)
  const degraded = roomsWith({ history: { read: down }, status: { state: 'degraded', since: 0, reason: 'a test' } })
  await t.resolves(degraded.openRoom('x', { initial: 10 }))
})

t.test('rooms: a member that skipped entries gets a resync, as long as it is a member', async (t) => {
  const rooms = started(new MemoryAdapter())
  const sources: Array<ResyncSource | undefined> = []
  const member: Member = {
    id: 'slow',
    userId: undefined,
    send: (_message, _whenSlow, source) => sources.push(source),
    sendResync: () => {},
    sendPages: () => {}
  }
  await rooms.openRoom('x', { initial: 10 })
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

t.test("rooms: the 'whenSlow' of a broadcast reaches the members on all nodes", async (t) => {
  const { rooms: [here, elsewhere] } = cluster()
  const received: unknown[] = []
  const member = (id: string): Member => {
    const send: Member['send'] = (_, whenSlow) => received.push([id, whenSlow])
    return { id, userId: id, send, sendResync: () => {}, sendPages: () => {} }
  }
  await join(here, member('near'))
  await join(elsewhere, member('far'))
  here.broadcast('x', said('moved'), { whenSlow: { latest: 'ann' } })
  t.strictSame(
    received, [['far', { latest: 'ann' }], ['near', { latest: 'ann' }]], 'members on other nodes come first'
  )
})

t.test('rooms: an excepted connection is known to other nodes where its client has one there as well', async (t) => {
  const member = (id: string, replaces?: string) => ({ id, userId: `user of ${id}`, replaces }) as unknown as Member
  const members = new Map([['here', member('here')], ['moved', member('moved', 'before')]])
  const elsewhere = (connection: string, isDraining = false, more = {}) =>
    exceptElsewhere({ connection, ...more }, members, isDraining)
  t.strictSame([
    elsewhere('here'),
    elsewhere('here', false, { membersOf: ['a'] }),
    elsewhere('here', true),
    elsewhere('moved'),
    elsewhere('moved', true),
    elsewhere('there'),
    exceptElsewhere({ user: 'ann' }, members, true)
  ], [
    undefined,
    { membersOf: ['a'] },
    { connection: 'here' },
    { connection: 'before' },
    { connection: 'moved' },
    { connection: 'there' },
    { user: 'ann' }
  ])
  const isLeftOut = (connection: string) => [...members.values()].map((one) => isExcepted({ connection }, [], one))
  t.strictSame([isLeftOut('here'), isLeftOut('before'), isLeftOut('there')], [
    [true, false], [false, true], [false, false]
  ])
})
