import { once } from 'node:events'
import { TestClient } from '../../dist/lib/testing/test-client.js'
import { startRedis } from './cluster.js'
import { median } from './measure.js'
import { ask, start, startServer } from './processes.js'

const clients = 1_000
const entries = 500

/**
 * Milliseconds until all clients of one channel have received what they missed, each from another position, from a
 * process that has just started and knew nothing of its history. Connected, but not joined before. The node has one
 * core, the clients and Redis the other one.
 */
export const recovery = {
  title: `${clients} clients come back to one channel with a history, each from its own position`,
  heads: ['ms', 'acks/s', 'KB each', 'server', 'generator'],

  async * run (rounds) {
    const redis = await startRedis()
    const writer = await startServer('./servers/cluster-channels.js', { env: { REDIS_URL: redis.url } })
    const positions = await fill(writer.port)
    const results = []
    for (let round = 0; round < rounds; round++) results.push(await comeBack(redis.url, positions))
    const of = (key) => median(results.map((result) => result[key]))
    yield [
      'fastify-channels'.padEnd(46), Math.round(of('ms')), Math.round(clients / of('ms') * 1_000),
      Math.round(of('bytes') / clients / 1_024), `${Math.round(of('server') * 100)} %`,
      `${Math.round(of('busy') * 100)} %`
    ]
    await ask(writer.child, 'stop')
    redis.child.kill()
  }
}

/** Writes the entries; returns the position after each. */
async function fill (port) {
  const client = await TestClient.connect(`ws://127.0.0.1:${port}/ws`)
  const { payload: { epoch } } = await client.request('join', 'persistent')
  for (let i = 0; i < entries; i++) await client.request('say', 'persistent', { text: `${i}`, rest: 'x'.repeat(90) })
  const positions = client.log.filter(({ type }) =>
    type === 'said').map(({ offset, hash }) => ({ epoch, offset, hash }))
  client.terminate()
  return positions
}

async function comeBack (url, positions) {
  const node = await startServer('./servers/cluster-channels.js', { env: { REDIS_URL: url } })
  const generator = start('./cluster/returning.js', 1)
  await ask(generator, { question: 'open', port: node.port, positions, count: clients })
  const before = await node.cpu()
  const result = await ask(generator, { question: 'return' })
  const server = (await node.cpu() - before) / 1_000 / result.ms
  const ended = [once(node.child, 'exit'), once(generator, 'exit')]
  generator.disconnect()
  await ask(node.child, 'stop')
  await Promise.all(ended)
  return { ...result, server }
}
