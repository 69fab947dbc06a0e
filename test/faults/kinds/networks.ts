import type { Random } from '../../support/random.ts'
import type { Direction, Passage } from '../rig/proxy.ts'
import type { Rig } from '../rig/rig.ts'
import { presenceBounds, type Fault } from './fault.ts'

/** A node that is cut from Redis. @param directions what does not pass */
function nodeCut (name: string, title: string, directions: readonly Direction[]): Fault {
  return {
    name,
    title,
    lastsMs: 8_000,
    presenceBoundMs: presenceBounds.redisMs,
    async begin (rig, random) {
      const link = rig.linkOf(rig.pickNode(random))
      // What was on its way arrives late, or the connections are gone.
      const isReset = random.chance(50)
      link.hold((_, direction) => directions.includes(direction))
      return async () => {
        if (isReset) link.cut()
        link.release()
      }
    }
  }
}

/** Some clients that are cut from the nodes. @param directions what does not pass */
function clientsCut (name: string, title: string, directions: readonly Direction[]): Fault {
  return {
    name,
    title,
    lastsMs: 6_000,
    presenceBoundMs: presenceBounds.nodeMs,
    async begin ({ front, clients }, random) {
      const isReset = random.chance(50)
      const isCut = someOf(clients, random)
      front.hold((passage, direction) => isCut(passage) && directions.includes(direction))
      return async () => {
        if (isReset) front.cut(isCut)
        front.release()
      }
    }
  }
}

/** About 30 % of the clients, by their connections. */
function someOf (clients: Rig['clients'], random: Random): (passage: Passage) => boolean {
  const names = new Set(clients.filter(() => random.chance(30)).map(({ name }) => name))
  return ({ user }) => names.has(user ?? '')
}

/** Faults of the networks. */
export const networkFaults: readonly Fault[] = [
  nodeCut('node-cut', 'a node is cut from Redis for 8 s', ['up', 'down']),
  nodeCut('node-deaf', 'a node hears nothing from Redis for 8 s, and Redis hears the node', ['down']),
  nodeCut('node-mute', 'Redis hears nothing from a node for 8 s, and the node hears Redis', ['up']),
  clientsCut('clients-cut', '30 % of the clients are cut from the nodes for 6 s', ['up', 'down']),
  clientsCut('clients-deaf', '30 % of the clients hear nothing for 6 s, and the nodes hear them', ['down']),
  clientsCut('clients-mute', 'the nodes hear nothing from 30 % of the clients for 6 s', ['up']),
  {
    name: 'clients-reset',
    title: 'the connections of 30 % of the clients are reset',
    lastsMs: 2_000,
    isOverAtOnce: true,
    presenceBoundMs: presenceBounds.nodeMs,
    async begin ({ front, clients }, random) {
      front.cut(someOf(clients, random))
      return async () => {}
    }
  },
  {
    name: 'redis-slow',
    title: 'each way between the nodes and Redis takes 300 ms for 5 s',
    lastsMs: 5_000,
    presenceBoundMs: presenceBounds.redisMs,
    async begin ({ topology: { links } }) {
      for (const link of links) link.delayMs = 300
      return async () => { for (const link of links) link.delayMs = 0 }
    }
  }
]
