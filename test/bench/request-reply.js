import { ask, baseline, startServer } from './processes.js'
import { compare, measure } from './measure.js'

const channel = 'bench/one'
const quote = { symbol: 'ACME', bid: 101.25, ask: 101.75, size: 1200, venue: 'XPAR' }

const hello = JSON.stringify({ type: 'join', channel, correlationId: 'join' })
const request = (i) =>
  JSON.stringify({ type: 'echo', channel, payload: quote, correlationId: `c-${String(i).padStart(4, '0')}` })

const before = baseline('./servers/channels.js')
const servers = {
  '@fastify/websocket by hand': './servers/by-hand.js',
  ...(before && { 'fastify-channels, baseline': before }),
  'fastify-channels': './servers/channels.js'
}

/**
 * Validated request and reply, against bare sockets with neither validation nor routing. The aim is a ratio of 0.85.
 */
export const requestReply = {
  title: `validated request/reply, 100 connections, ${request(0).length} byte envelopes`,
  heads: ['msgs/s', 'ratio', 'CPU us', 'server', 'generator'],

  /** @param rounds how often each server is measured */
  async * run (generator, rounds) {
    const running = await Promise.all(Object.values(servers).map((script) => startServer(script)))
    for (const inFlight of [16, 1]) {
      const load = {
        path: '/ws', hello, requests: Array.from({ length: inFlight }, (_, i) => request(i)), connections: 100
      }
      const results = await compare(generator, running, load, rounds)
      for (const [i, name] of Object.keys(servers).entries()) yield row(`${name}, ${inFlight} in flight`, results[i])
      // With one in flight the two processes wait for each other: nothing but the latency would be measured.
      if (inFlight > 1) {
        yield row(`what the generator could drive, ${inFlight} in flight`, await ceiling(generator, load))
      }
    }
    await Promise.all(running.map(stop))
  }
}

const percent = (share) => `${Math.round(share * 100)} %`

function row (name, { rate, ratio, microseconds, serverBusy, generatorBusy }) {
  const cells = [
    name.padEnd(46), Math.round(rate), ratio?.toFixed(2) ?? '', microseconds.toFixed(1), percent(serverBusy),
    percent(generatorBusy)
  ]
  return serverBusy < 0.9 && ratio ? [...cells, '  idle: something else held it back'] : cells
}

/** The same load on a server that does nothing: were it no faster, the figures would be the generator's. */
async function ceiling (generator, load) {
  const server = await startServer('./servers/ceiling.js')
  const result = await measure(generator, server, load)
  await stop(server)
  return result
}

const stop = ({ child }) => ask(child, 'stop')
