import t from 'tap'
import { Connection } from '../../../lib/connection/connection.ts'
import { Counters } from '../../../lib/connection/counters.ts'
import { Flusher, maxWrites } from '../../../lib/connection/sending/flusher.ts'
import { MemoryAdapter, MemoryHub } from '../../../lib/memory/memory-adapter.ts'
import { encodeEnvelope } from '../../../lib/protocol/encoding.ts'
import { Rooms } from '../../../lib/rooms/rooms.ts'
import { FakeClock } from '../../../lib/testing/fake-clock.ts'
import { FakeSocket } from '../../../lib/testing/fake-socket.ts'
import { silentLog as log } from '../../support/silent-log.ts'

/** A flusher, and the turns of an event loop that runs when the test says so. */
function turns () {
  const scheduled: Array<() => void> = []
  const flusher = new Flusher((fn) => scheduled.push(fn))
  const turn = () => { for (const fn of scheduled.splice(0)) fn() }
  const finish = () => { while (scheduled.length > 0) turn() }
  return { flusher, scheduled, turn, finish }
}

t.test('flusher: a turn has a limited number of writes, all are made in order, and each once', async (t) => {
  const { flusher, scheduled, turn, finish } = turns()
  const flushed: number[] = []
  const queues = Array.from({ length: 3 * maxWrites + 1 }, (_, i) => ({ flush: () => { flushed.push(i) } }))
  for (const queue of queues) flusher.schedule(queue)
  t.equal(scheduled.length, 1, 'one call of the event loop for all')
  turn()
  t.equal(flushed.length, maxWrites)
  finish()
  t.strictSame(flushed, queues.map((_, i) => i))
  flusher.schedule({ flush: () => { flushed.push(-1) } })
  finish()
  t.equal(flushed.at(-1), -1, 'it goes on after a backlog')
})

t.test('flusher: a connection that comes later does not wait for a backlog, and does not hold it up', async (t) => {
  const { flusher, turn, finish } = turns()
  const flushed: string[] = []
  const queue = (name: string) => ({ flush: () => { flushed.push(name) } })
  for (let i = 0; i < 4 * maxWrites; i++) flusher.schedule(queue('member'))
  turn()
  flusher.schedule(queue('other'))
  turn()
  t.equal(flushed[maxWrites], 'other', 'it is the first of the next turn')
  t.equal(flushed.length, 2 * maxWrites, 'the backlog has the rest of that turn')
  for (let i = 0; i < 2 * maxWrites; i++) flusher.schedule(queue('other'))
  turn()
  const third = flushed.slice(2 * maxWrites)
  t.equal(third.filter((name) => name === 'member').length, maxWrites / 2, 'half of a turn is for the backlog')
  finish()
  t.equal(flushed.length, 6 * maxWrites + 1)
})

/** A room with that many members on sockets that record what is written. */
async function largeRoom (members: number) {
  const { flusher, turn, finish } = turns()
  const clock = new FakeClock()
  const adapter = new MemoryAdapter(new MemoryHub(clock))
  const rooms = new Rooms(adapter, clock)
  adapter.start({ ...rooms.adapterEvents, revoked () {}, requested () {} })
  const identity = { user: undefined, ip: '', verify: undefined, quotas: { release () {} } }
  const join = async (id: string) => {
    const socket = new FakeSocket()
    const deps = { clock, sendQueueBytes: 65_536, counters: new Counters(), flusher }
    const connection = new Connection(socket.webSocket, socket.transport, {
      ...identity, id, userId: id, jti: undefined, expiresAt: undefined
    }, log, deps)
    await rooms.openRoom('room')
    rooms.addMember('room', connection)
    return { id, socket, connection }
  }
  const all = []
  for (let i = 0; i < members; i++) all.push(await join(`${i}`))
  const say = (text: string) => rooms.broadcast('room', encodeEnvelope({ type: 'said', payload: text }))
  const leave = ({ connection }: Awaited<ReturnType<typeof join>>) => rooms.deleteMember('room', connection)
  return { all, join, leave, say, turn, finish }
}

t.test('flusher: joins and leaves while a broadcast is written see a clean cut, and members an order', async (t) => {
  const { all, join, leave, say, turn, finish } = await largeRoom(2 * maxWrites)
  const textsOf = ({ socket }: { socket: FakeSocket }) => socket.sent.map((text) => JSON.parse(text).payload).join(' ')
  const left = all.at(-1) as (typeof all)[number]
  say('1')
  turn()
  t.equal(textsOf(left), '', 'the last member waits')
  leave(left)
  const joined = await join('joined')
  say('2')
  turn()
  say('3')
  finish()
  t.strictSame([...new Set(all.slice(0, -1).map(textsOf))], ['1 2 3'], 'members get all, in order, once')
  t.equal(textsOf(joined), '2 3', 'a member that joined during the first broadcast gets the next ones')
  t.equal(textsOf(left), '1', 'a member that left during the first broadcast gets that one')
})
