import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compare, goalCells, heads, medianOf } from './load/compare.js'
import { openLoad } from './load/load.js'
import { secret, signerOf } from './memory/tokens.js'
import { peersOf } from './peers/all.js'

const count = 2_000
const warmUp = 600
const concurrency = 50
const goalKb = 8

const others = ['net', 'ws', 'fastifyWebsocket', 'socketIo', 'uws', 'bun', 'crossws', 'graphqlWs', 'trpc']
const idle = peersOf('baseline', 'limits').map((peer) => {
  return { ...peer, name: peer.name.replace(', limits on', ''), args: ['limits'], goal: 1, goalKb }
})
const joining = peersOf('limits').map(({ wire, ...peer }) => {
  return { ...peer, key: 'joining', name: 'fastify-channels, each with a join', wire: { idle: wire.join }, goal: 0.8 }
})

/**
 * Connections with a token of their own each: how many upgrades a second the server's core makes, and the memory of one
 * that then does nothing, after a collection.
 */
export const connections = {
  title: `${count.toLocaleString('en')} connections, a JSON Web Token each, upgrades`,
  heads: [...heads, 'KB RSS', 'goal', 'met', 'KB heap'],

  async * run (rounds) {
    const tokenOf = await signerOf(secret)
    const tokens = join(tmpdir(), `fastify-channels-bench-${process.pid}`)
    writeFileSync(tokens, Array.from({ length: count }, (_, i) => `${tokenOf(i)}\n`).join(''))
    yield * compare({
      peers: [...peersOf(...others), ...idle, ...joining],
      reference: ['fastifyWebsocket'],
      rounds,
      isFresh: true,
      measure: (server, { wire }) => measure(server, wire.idle, tokens),
      more: ({ goalKb }, results) => {
        const rss = medianOf(results, 'rss')
        return [rss.toFixed(1), ...goalCells('<=', goalKb, rss), medianOf(results, 'heap').toFixed(1)]
      }
    })
  }
}

/** In a process of its own each time, because memory that was used before is used again. */
async function measure (server, target, tokens) {
  const open = (connections) => openLoad('idle', server.port, target, { connections, concurrency, tokens })
  const first = await open(warmUp)
  await first.close()
  const before = await server.ask('memory')
  const cpuBefore = await server.cpu()
  const load = await open(count)
  const cpu = await server.cpu() - cpuBefore
  const after = await server.ask('memory')
  await load.close()
  const each = (key) => (after[key] - before[key]) / count / 1_024
  return {
    rate: count / load.seconds,
    busy: load.busy,
    serverBusy: cpu / 1e6 / load.seconds,
    cpu: cpu / count,
    rss: each('rss'),
    heap: each('heapUsed')
  }
}
