import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { startNode } from './cost-node.js'
import { median } from './measure.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc')

const repetitions = 100
const others = 10
/** Of fewer things, the memory is lost in that of compiled code and tables. */
const fewest = 100

/**
 * What there may be much of. Each fills a node with `n` of it, and names the channel on which the operations are
 * measured, the members of that channel, and a connection that can join it.
 */
const dimensions = {
  rooms: {
    sizes: [10, 100, 1_000, 10_000, 100_000],
    async fill ({ accept, request }, n) {
      const each = Math.min(n, 100)
      for (let i = 0; i < n / each; i++) {
        const client = accept(`member ${i}`)
        for (let room = 0; room < each; room++) await request(client, 'join', `room/${i * each + room}`)
      }
    }
  },
  members: {
    sizes: [10, 100, 1_000, 10_000],
    async fill ({ accept, request }, n) {
      const members = []
      for (let i = 0; i < n; i++) {
        members.push(accept(`member ${i}`))
        await request(members[i], 'join', 'room/measured')
      }
      return { members }
    }
  },
  connections: {
    sizes: [1_000, 3_000, 10_000],
    async fill ({ accept }, n) {
      for (let i = 0; i < n; i++) accept(`connection ${i}`)
    }
  },
  'channels of a connection': {
    sizes: [1, 10, 100],
    async fill ({ accept, request }, n) {
      const joiner = accept('joiner')
      for (let i = 0; i < n; i++) await request(joiner, 'join', `room/${i}`)
      return { joiner }
    }
  }
}

const operations = {
  join: ({ request, joiner }) => ({
    before: () => {}, run: () => request(joiner, 'join', 'room/measured'), after: () => leave({ request, joiner })
  }),
  leave: ({ request, joiner }) => ({
    before: () => request(joiner, 'join', 'room/measured'), run: () => leave({ request, joiner }), after: () => {}
  }),
  'send to one user': ({ send, joiner }) => ({ run: () => send(joiner) }),
  broadcast: ({ broadcast, members }) => ({ run: () => broadcast('room/measured', members) }),
  'enter and exit a presence': ({ node }) => ({
    async run (i) {
      const member = { id: `present ${i}`, userId: `user ${i}` }
      await node.rooms.enterPresence('room/measured', member, { name: 'Ada' })
      node.rooms.exitPresence('room/measured', member, 0)
    }
  })
}

const leave = ({ request, joiner }) => request(joiner, 'leave', 'room/measured')

/**
 * CPU microseconds of one operation, and bytes of memory, by how much there is. The exponent is the slope in a plot of
 * both logarithms: 0 when the cost does not depend on it, 1 when it is proportional.
 */
export const slopes = {
  title: 'cost of one operation in CPU microseconds, by how much of something there is',
  heads: [],

  async * run (rounds) {
    for (const [name, { sizes, fill }] of Object.entries(dimensions)) {
      yield [`by ${name}`.padEnd(46), ...sizes.map((n) => n.toLocaleString('en')), 'exponent']
      const worlds = []
      for (const n of sizes) worlds.push(await createWorld(fill, n))
      for (const [operation, create] of Object.entries(operations)) {
        yield rowOf(operation, sizes, await costsOf(worlds.map(create), rounds))
      }
      yield rowOf('bytes of each', sizes, worlds.map(({ bytesOfEach }) => bytesOfEach))
    }
  }
}

function rowOf (name, sizes, values) {
  const known = sizes.map((n, i) => [n, values[i]]).filter(([, value]) => value !== undefined)
  const slope = known.length > 1 ? slopeOf(known).toFixed(2) : ''
  return [`  ${name}`.padEnd(46), ...values.map((value) => value?.toFixed(1) ?? ''), slope]
}

async function createWorld (fill, n) {
  const started = startNode()
  collect()
  const before = process.memoryUsage().heapUsed
  const filled = await fill(started, n)
  collect()
  const bytesOfEach = n < fewest ? undefined : (process.memoryUsage().heapUsed - before) / n
  const members = filled?.members ?? await tenMembers(started)
  return { ...started, members, joiner: filled?.joiner ?? started.accept('joiner'), bytesOfEach }
}

async function tenMembers ({ accept, request }) {
  const members = Array.from({ length: others }, (_, i) => accept(`other ${i}`))
  for (const member of members) await request(member, 'join', 'room/measured')
  return members
}

/** Medians, for each of the operations. They take turns, so that what else the machine does hits all of them. */
async function costsOf (operations, rounds) {
  const times = operations.map(() => [])
  for (const operation of operations) await costOf(operation)
  for (let round = 0; round < rounds; round++) {
    for (const [i, operation] of operations.entries()) times[i].push(await costOf(operation))
  }
  return times.map(median)
}

async function costOf ({ before = () => {}, run, after = () => {} }) {
  let used = 0
  for (let i = 0; i < repetitions; i++) {
    await before()
    const began = process.cpuUsage()
    await run(i)
    const { user, system } = process.cpuUsage(began)
    used += user + system
    await after()
  }
  return used / repetitions
}

/** The slope of the line that fits both logarithms best. */
function slopeOf (points) {
  const logs = points.map((point) => point.map(Math.log))
  const mean = (valueOf) => logs.reduce((sum, point) => sum + valueOf(point), 0) / logs.length
  const [mx, my] = [mean(([x]) => x), mean(([, y]) => y)]
  return mean(([x, y]) => (x - mx) * (y - my)) / mean(([x]) => (x - mx) ** 2)
}
