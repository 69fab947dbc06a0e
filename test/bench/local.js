import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startRedis } from './cluster.js'
import { median } from './measure.js'
import { ask, start, startServer } from './processes.js'

const script = './servers/cluster-channels.js'
const entrance = {
  path: '/ws',
  hello: JSON.stringify({ type: 'join', channel: 'bench', correlationId: 'join' }),
  welcome: '"type":"ack"',
  speakers: 1,
  speech: JSON.stringify({ type: 'say', channel: 'bench', payload: { text: '@', rest: 'x'.repeat(90) } })
}
const paces = { calm: { rate: 100, seconds: 3 }, full: { seconds: 2 } }
const systems = ['one process', 'two processes, Redis', 'two processes, local hub']
const fewAndMany = [10, 500]

/**
 * Two processes of one machine, published on one and delivered on the other. With 10 members the receiver is not the
 * limit; with 500 the traffic between the processes is a small part of the work. The CPU time is that of both
 * processes, and of Redis, for each message; beside it the same work in one process. The process that publishes is the
 * hub.
 */
export const local = {
  title: 'two processes on one machine, published on one, members on the other',
  heads: ['members', 'msgs/s', 'CPU us', 'of one', 'p50 @100', 'p99 @100'],

  async * run (rounds) {
    const redis = await startRedis()
    const folder = await mkdtemp(join(tmpdir(), 'hub-'))
    const generator = start('./cluster/generator.js', 1)
    const one = await startServer(script, { core: 0, env: { REDIS_URL: '', LOCAL_PATH: '' } })
    const overRedis = await startPair({ REDIS_URL: redis.url, LOCAL_PATH: '' })
    const overHub = await startPair({ REDIS_URL: '', LOCAL_PATH: join(folder, 'hub') })
    const cpuOfRedis = () => cpuOf(redis.child.pid)
    const running = [
      { from: one, to: one, cpu: one.cpu },
      { ...overRedis, cpu: async () => await overRedis.cpu() + cpuOfRedis() },
      overHub
    ]
    for (const members of fewAndMany) yield * rows(generator, running, members, rounds)
    for (const { child } of [one, overRedis.from, overRedis.to, overHub.from, overHub.to]) await ask(child, 'stop')
    await ask(generator, 'stop')
    redis.child.kill()
    await rm(folder, { recursive: true, force: true })
  }
}

async function * rows (generator, running, members, rounds) {
  const results = running.map(() => [])
  for (let round = 0; round < rounds; round++) {
    for (const [i, nodes] of running.entries()) results[i].push(await measure(generator, nodes, members))
  }
  const of = (i, pace, key) => median(results[i].map((result) => result[pace][key]))
  for (const [i, name] of systems.entries()) {
    const cost = of(i, 'full', 'microseconds')
    const latencies = ['p50', 'p99'].map((key) => of(i, 'calm', key).toFixed(2))
    const share = (cost / of(0, 'full', 'microseconds')).toFixed(2)
    yield [name.padEnd(46), members, Math.round(of(i, 'full', 'messages')), cost.toFixed(1), share, ...latencies]
  }
}

async function measure (generator, nodes, members) {
  const results = {}
  for (const [name, pace] of Object.entries(paces)) {
    generator.send({ ...entrance, ...pace, from: nodes.from.port, to: nodes.to.port, members })
    await once(generator, 'message')
    const before = await nodes.cpu()
    const began = performance.now()
    await once(generator, 'message')
    const used = await nodes.cpu() - before
    const seconds = (performance.now() - began) / 1000
    const [result] = await once(generator, 'message')
    results[name] = { ...result, microseconds: used / (result.messages * seconds) }
  }
  return results
}

async function startPair (env) {
  const from = await startServer(script, { core: 1, env })
  const to = await startServer(script, { core: 0, env })
  return { from, to, cpu: async () => await from.cpu() + await to.cpu() }
}

/** CPU time of a process, in microseconds. Linux counts it in hundredths of a second. */
function cpuOf (pid) {
  const [, , , , , , , , , , , , , user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')
  return (Number(user) + Number(system)) * 10_000
}
