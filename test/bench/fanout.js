import { compare, heads } from './load/compare.js'
import { openLoad } from './load/load.js'
import { peersOf } from './peers/all.js'

const members = 1_000
const others = ['net', 'ws', 'fastifyWebsocket', 'socketIo', 'uws', 'bun', 'crossws', 'graphqlWs', 'trpc']

/** Messages to a room, `burst` of them in each event-loop turn of the server; deliveries to its members are counted. */
const figure = (title, burst, goal) => ({
  title: `${title} to a room of ${members.toLocaleString('en')}, deliveries`,
  heads,

  run (rounds) {
    const peers = [...peersOf(...others), ...peersOf('baseline', 'channels').map((peer) => ({ ...peer, goal }))]
    const measure = async (server, { wire }) => {
      const load = await openLoad('fanout', server.port, wire.fan, { connections: members, warmUp: 0.4 })
      await server.ask('speak', burst)
      const result = await load.measure(server.cpu)
      await server.ask('silence')
      return result
    }
    return compare({ peers, reference: ['net'], rounds, measure })
  }
})

export const fanout = figure('one message at a time', 1, 0.85)
export const bursts = figure('bursts of 16 messages', 16, 0.9)
