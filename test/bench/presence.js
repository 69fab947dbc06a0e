import { once } from 'node:events'
import { startRedis } from './cluster.js'
import { median } from './measure.js'
import { ask, start, startServer } from './processes.js'

const rooms = [{ room: 'count', members: 10_000 }, { room: 'all', members: 1_000 }]
/** How long members come and go, in seconds. */
const seconds = 10

/**
 * Users who join one room at once, and then 100 who leave and 100 who join every second. The delays are those of the
 * server's event loop, of which a p99 under 100 ms is the aim.
 */
export const presence = {
  title: 'presence in one room, 100 joins and 100 leaves a second; in ms',
  heads: ['join p99', 'join max', 'p99', 'max', 'busy', 'ack p50', 'ack p99', 'change p50', 'change p99'],

  async * run (rounds) {
    const redis = await startRedis()
    for (const [adapter, env] of [['memory', {}], ['Redis', { REDIS_URL: redis.url }]]) {
      for (const { room, members } of rooms) {
        const results = []
        for (let round = 0; round < rounds; round++) results.push(await measure(env, room, members))
        const of = (key) => median(results.map((result) => result[key])).toFixed(1)
        yield [
          `${members} users, list '${room}', ${adapter}`.padEnd(46),
          of('joinP99'), of('joinMax'), of('p99'), of('max'), `${Math.round(of('busy'))} %`,
          of('ackP50'), of('ackP99'), of('changeP50'), of('changeP99')
        ]
      }
    }
    redis.child.kill()
  }
}

async function measure (env, room, members) {
  const server = await startServer('./servers/presence.js', { env })
  const crowd = start('./presence/crowd.js', 1)
  const tell = async (question) => {
    crowd.send(question)
    const [answer] = await once(crowd, 'message')
    return answer
  }
  await tell({ question: 'connect', port: server.port, room, members })
  await ask(server.child, 'delay')
  await tell({ question: 'join' })
  const joining = await ask(server.child, 'delay')
  const latencies = await tell({ question: 'churn', seconds })
  const { p99, max, cpu } = await ask(server.child, 'delay')
  crowd.disconnect()
  const ended = once(server.child, 'exit')
  await ask(server.child, 'stop')
  await ended
  const busy = (cpu - joining.cpu) / 1e4 / seconds
  return { joinP99: joining.p99, joinMax: joining.max, p99, max, busy, ...latencies }
}
