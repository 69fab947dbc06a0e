import { setTimeout as wait } from 'node:timers/promises'
import { Connection } from '../../dist/lib/connection/connection.js'
import { Counters } from '../../dist/lib/connection/counters.js'
import { Flusher } from '../../dist/lib/connection/sending/flusher.js'
import { systemClock } from '../../dist/lib/clock.js'
import { MemoryAdapter, MemoryHub } from '../../dist/lib/memory/memory-adapter.js'
import { Rooms } from '../../dist/lib/rooms/rooms.js'

const log = { info () {}, warn () {}, error () {}, child: () => log }
const message = (i) => Buffer.from(JSON.stringify({ type: 'said', channel: 'room', payload: `${i}`.padEnd(40) }))

/** What a write of a TCP socket costs, as the fan-out of this bench shows. */
const writeUs = 6

/** A socket on which a write takes the time of a system call. */
function createSocket (counts) {
  const webSocket = { OPEN: 1, readyState: 1, _sender: { _state: 0, _firstFragment: true, _queue: [] } }
  const transport = {
    write (bytes, done) {
      for (const end = performance.now() + writeUs / 1_000; performance.now() < end;);
      counts.writes++
      counts.bytes += bytes.length
      process.nextTick(done)
    }
  }
  return { webSocket, transport }
}

async function createRoom (members) {
  const counts = { writes: 0, bytes: 0 }
  const adapter = new MemoryAdapter(new MemoryHub(systemClock))
  const rooms = new Rooms(adapter, systemClock)
  adapter.start({ ...rooms.adapterEvents, revoked () {}, requested () {} })
  const deps = { clock: systemClock, flusher: new Flusher(), counters: new Counters(), sendQueueBytes: 2 ** 20 }
  for (let i = 0; i < members; i++) {
    const { webSocket, transport } = createSocket(counts)
    const connection = new Connection(webSocket, transport, { id: `${i}`, userId: `${i}`, user: {}, ip: '' }, log, deps)
    await rooms.openRoom('room')
    rooms.addMember('room', connection)
  }
  return { rooms, counts, deps }
}

const cases = [[1_000, 1], [10_000, 1], [100_000, 1], [100_000, 16], [1_000, 10_000]]

/** How long other connections of a node wait while it sends to a large room. The aim is a p99 below 50 ms. */
export const fairness = {
  title: `CPU time of event-loop iterations while a room gets messages, on sockets whose write takes ${writeUs} us`,
  heads: ['p99 ms', 'max ms', 'goal', 'met', 'writes each'],

  async * run (rounds) {
    for (const [members, burst] of cases) {
      const room = await createRoom(members)
      for (let i = 0; i < 3; i++) await sendBurst(room, members, burst)
      const times = []
      let writes = 0
      for (let round = 0; round < rounds; round++) {
        const result = await sendBurst(room, members, burst)
        times.push(...result.times)
        writes = result.writes
      }
      times.sort((a, b) => a - b)
      const p99 = times[Math.floor(times.length * 0.99)]
      const [m, b] = [members, burst].map((n) => n.toLocaleString('en'))
      yield [
        `${m} members, ${burst === 1 ? 'one message' : `${b} messages in a loop`}`.padEnd(46), p99.toFixed(1),
        times.at(-1).toFixed(1), '< 50', p99 < 50 ? 'yes' : 'no', writes.toFixed(1)
      ]
    }
  }
}

async function sendBurst ({ rooms, counts }, members, burst) {
  await wait(50)
  counts.bytes = counts.writes = 0
  const all = Array.from({ length: burst }, (_, i) => message(i))
  const expected = members * all.reduce((sum, { length }) => sum + length + 2, 0)
  const iterations = iterationsUntil(() => counts.bytes >= expected)
  // As an application awaits each broadcast.
  for (const encoded of all) {
    rooms.broadcast('room', encoded)
    await rooms.pacing.pause
  }
  const times = await iterations
  return { writes: counts.writes / members, times }
}

/** The CPU milliseconds of each iteration of the event loop. In a delay, other programs would count as well. */
async function iterationsUntil (isDone) {
  const times = []
  while (!isDone()) {
    const began = process.cpuUsage()
    await new Promise(setImmediate)
    const { user, system } = process.cpuUsage(began)
    times.push((user + system) / 1_000)
  }
  return times
}
