import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as wait } from 'node:timers/promises'
import { Connection } from '../../dist/lib/connection/connection.js'
import { Counters } from '../../dist/lib/connection/counters.js'
import { Flusher } from '../../dist/lib/connection/sending/flusher.js'
import { systemClock } from '../../dist/lib/clock.js'
import { MemoryAdapter, MemoryHub } from '../../dist/lib/memory/memory-adapter.js'
import { Rooms } from '../../dist/lib/rooms/rooms.js'
import { median } from './measure.js'

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
      setImmediate(done)
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

/** The longest that other connections of a node wait while it sends to a large room. The aim is a p99 below 50 ms. */
export const fairness = {
  title: `delays of the event loop while a room gets messages, on sockets whose write takes ${writeUs} us`,
  heads: ['p99 ms', 'max ms', 'goal', 'met', 'all got ms', 'writes each'],

  async * run (rounds) {
    for (const [members, burst] of cases) {
      const room = await createRoom(members)
      await sendBurst(room, members, burst)
      const results = []
      for (let round = 0; round < rounds; round++) results.push(await sendBurst(room, members, burst))
      const of = (key) => median(results.map((result) => result[key]))
      const [m, b] = [members, burst].map((n) => n.toLocaleString('en'))
      yield [
        `${m} members, ${burst === 1 ? 'one message' : `${b} messages in a turn`}`.padEnd(46), of('p99').toFixed(1),
        of('max').toFixed(1), '< 50', of('p99') < 50 ? 'yes' : 'no', of('took').toFixed(0), of('writes').toFixed(1)
      ]
    }
  }
}

async function sendBurst ({ rooms, counts }, members, burst) {
  await wait(50)
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  await wait(10)
  counts.bytes = counts.writes = 0
  const began = performance.now()
  const all = Array.from({ length: burst }, (_, i) => message(i))
  for (const encoded of all) rooms.broadcast('room', encoded)
  const expected = members * all.reduce((sum, { length }) => sum + length + 2, 0)
  while (counts.bytes < expected) await new Promise(setImmediate)
  const took = performance.now() - began
  delay.disable()
  return { took, writes: counts.writes / members, p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 }
}
