import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { median } from './measure.js'
import { ask, start, startServer } from './processes.js'

const count = 3_000
const warmUp = 1_000
const concurrency = 50

const join = { hello: JSON.stringify({ type: 'join', channel: 'room', correlationId: '1' }), answer: '"type":"ack"' }
const socketIo = { path: '/socket.io/?EIO=4&transport=websocket', hello: '40', answer: '40{' }

const rows = [
  ['@fastify/websocket by hand', './servers/idle-by-hand.js', {}],
  ['ws alone, without a check of the token', './servers/idle-ws.js', {}],
  ['Socket.IO, in a room', './servers/idle-socket-io.js', socketIo],
  ['fastify-channels', './servers/idle-channels.js', {}],
  ['fastify-channels, each with a join', './servers/idle-channels.js', join]
]

/**
 * Connections with a token of their own each: how many upgrades a second the server's core makes, and the memory of one
 * that then does nothing, after a collection. The aims are a ratio of 1.0, 0.8 with a join, and 8 KB.
 */
export const connections = {
  title: `${count.toLocaleString('en')} connections, a JSON Web Token each`,
  heads: ['upgrades/s', 'ratio', 'CPU us', 'KB RSS', 'KB heap', 'server'],

  async * run (_generator, rounds) {
    const results = rows.map(() => [])
    for (let round = 0; round < rounds; round++) {
      for (const [i, [, script, target]] of rows.entries()) results[i].push(await measure(script, target))
    }
    for (const [i, [name]] of rows.entries()) {
      const of = (key) => median(results[i].map((result) => result[key]))
      const ratio = median(results[i].map(({ rate }, round) => rate / results[0][round].rate))
      yield [
        name.padEnd(46), Math.round(of('rate')), ratio.toFixed(2), Math.round(of('cpu')), of('rss').toFixed(1),
        of('heap').toFixed(1), `${Math.round(of('busy') * 100)} %`
      ]
    }
  }
}

/** In a process of its own each time, because memory that was used before is used again. */
async function measure (script, target) {
  const server = await startServer(script, { args: [], env: { NODE_OPTIONS: '--expose-gc' } })
  const crowd = start('./memory/crowd.js', 1)
  const open = (from, number) => ask(crowd, { port: server.port, from, count: number, concurrency, ...target })
  await open(0, warmUp)
  await ask(crowd, 'close')
  await wait(500)
  const before = await ask(server.child, 'memory')
  const cpuBefore = await server.cpu()
  const seconds = await open(warmUp, count)
  const cpu = await server.cpu() - cpuBefore
  const after = await ask(server.child, 'memory')
  const each = (key) => (after[key] - before[key]) / count / 1_024
  await ask(crowd, 'close')
  crowd.disconnect()
  const ended = once(server.child, 'exit')
  await ask(server.child, 'stop')
  await ended
  const [rate, busy] = [count / seconds, cpu / 1e6 / seconds]
  return { rate, busy, cpu: cpu / count, rss: each('rss'), heap: each('heapUsed') }
}
