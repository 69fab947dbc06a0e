import { compare, heads } from './load/compare.js'
import { openLoad } from './load/load.js'
import { peersOf } from './peers/all.js'

const connections = 100
const others = ['net', 'ws', 'fastifyWebsocket', 'socketIo', 'uws', 'bun', 'crossws', 'graphqlWs', 'trpc']

/**
 * Requests that each server validates against the same schema, `inFlight` of them on each connection. Raw `net` answers
 * without a look at them.
 */
const figure = (inFlight, goals) => ({
  title: `validated request/reply, ${connections} connections, ${inFlight} in flight on each`,
  heads,

  run (rounds) {
    const ours = peersOf('baseline', ...Object.keys(goals)).map((peer) => ({ ...peer, ...goals[peer.key] }))
    const measure = async (server, { wire }) => {
      const load = await openLoad('echo', server.port, wire.echo, { connections, inFlight, warmUp: 0.4 })
      return await load.measure(server.cpu)
    }
    return compare({ peers: [...peersOf(...others), ...ours], reference: ['uws', 'bun'], rounds, measure })
  }
})

export const requestReply = figure(16, {
  channels: { goal: 0.8 }, async: { goal: 0.9, against: 'channels' }, limits: { goal: 0.9, against: 'channels' }
})
export const oneInFlight = figure(1, { channels: { goal: 1 } })
