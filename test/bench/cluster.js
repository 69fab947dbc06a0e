import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { ask, baseline, pinned, start, startServer } from './processes.js'
import { median } from './measure.js'

const rest = 'x'.repeat(90)
const members = 500

const socketIo = {
  path: '/socket.io/?EIO=4&transport=websocket',
  hello: '40',
  welcome: '40{',
  speakers: 1,
  speech: `42["say",{"text":"@","rest":"${rest}"}]`
}
const ours = (channel) => ({
  path: '/ws',
  hello: JSON.stringify({ type: 'join', channel, correlationId: 'join' }),
  welcome: '"type":"ack"',
  speech: JSON.stringify({ type: 'say', channel, payload: { text: '@', rest } })
})

const channels = (channel, speakers = 1) => ({
  script: './servers/cluster-channels.js', args: [], load: { speakers, ...ours(channel) }
})

const before = baseline('./servers/cluster-channels.js')

/**
 * Published on node A, delivered on node B to 500 members, Redis between. B has a core of its own; A, Redis and the
 * generator share the other. The aim is twice the better of the others' throughput, at a lower p99.
 */
export const cluster = figure(`two nodes, published on one, ${members} members on the other`, {
  'socket.io, redis-adapter': { script: './servers/cluster-socket-io.js', args: ['classic'], load: socketIo },
  'socket.io, redis-streams-adapter': { script: './servers/cluster-socket-io.js', args: ['streams'], load: socketIo },
  ...(before && { 'fastify-channels, baseline': { ...channels('bench'), script: before } }),
  'fastify-channels': channels('bench')
})

/**
 * The cost of the history: Redis appends, numbers and deduplicates a persistent message before any member gets it. The
 * messages of one sender are handled one after another, so each of them waits for the way to Redis and back.
 */
export const persistent = figure(`the same, a persistent message beside an ephemeral one; ${members} members`, {
  'one sender, ephemeral': channels('bench'),
  'one sender, persistent': channels('persistent'),
  '64 senders, ephemeral': channels('bench', 64),
  '64 senders, persistent': channels('persistent', 64)
})

/** The ratio is to the best of all but the last. */
function figure (title, systems) {
  return {
    title,
    heads: [
      'msgs/s', 'ratio', 'CPU us', 'B busy', 'p50 @100', 'p99 @100', 'p50 @200', 'p99 @200', 'p50 full', 'p99 full'
    ],

    async * run (rounds) {
      const redis = await startRedis()
      const generator = start('./cluster/generator.js', 1)
      const running = []
      for (const system of Object.values(systems)) running.push(await startNodes(system, redis.url))
      const results = running.map(() => [])
      for (let round = 0; round < rounds; round++) {
        for (const [i, nodes] of running.entries()) results[i].push(await measure(generator, nodes))
      }
      const best = Math.max(...results.slice(0, -1).map((own) => median(own.map(rateOf))))
      for (const [i, name] of Object.keys(systems).entries()) yield row(name, results[i], best)
      for (const { a, b } of running) for (const { child } of [a, b]) await ask(child, 'stop')
      await ask(generator, 'stop')
      redis.child.kill()
    }
  }
}

const rateOf = ({ full }) => full.messages

/**
 * Latencies under equal load, that all of them can bear, and as fast as each goes. The calm comes first: nobody's burst
 * leaves its garbage to it.
 */
const paces = { calm: { rate: 100, seconds: 5 }, brisk: { rate: 200, seconds: 5 }, full: { seconds: 2 } }

async function measure (generator, { a, b, load }) {
  const results = {}
  for (const [name, pace] of Object.entries(paces)) {
    results[name] = await during(
      generator, { ...load, ...pace, from: a.port, to: b.port, members }, b
    )
  }
  return results
}

async function during (generator, load, b) {
  generator.send(load)
  await once(generator, 'message')
  const before = await b.cpu()
  const began = performance.now()
  await once(generator, 'message')
  const used = await b.cpu() - before
  const elapsed = (performance.now() - began) / 1000
  const [result] = await once(generator, 'message')
  return { ...result, microseconds: used / (result.deliveries * elapsed), busy: used / 1e6 / elapsed }
}

function row (name, results, best) {
  const of = (pace, key) => median(results.map((result) => result[pace][key]))
  const messages = of('full', 'messages')
  const latencies = Object.keys(paces).flatMap((pace) => ['p50', 'p99'].map((key) => of(pace, key).toFixed(1)))
  return [
    name.padEnd(46),
    Math.round(messages),
    (messages / best).toFixed(2),
    of('full', 'microseconds').toFixed(2),
    `${Math.round(of('full', 'busy') * 100)} %`,
    ...latencies
  ]
}

async function startNodes ({ script, args, load }, url) {
  const env = { REDIS_URL: url }
  return {
    load, a: await startServer(script, { core: 1, args, env }), b: await startServer(script, { core: 0, args, env })
  }
}

export async function startRedis (flags = []) {
  const port = await freePort()
  const all = ['--port', `${port}`, '--save', '', '--appendonly', 'no', ...flags]
  const [command, ...args] = pinned(1, ['redis-server', ...all])
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise((resolve) =>
    child.stdout.on('data', (text) => { if (String(text).includes('Ready to accept')) resolve() }))
  return { child, port, url: `redis://127.0.0.1:${port}` }
}

async function freePort () {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}
