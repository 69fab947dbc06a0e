import { setTimeout as wait } from 'node:timers/promises'
import type { Rig } from '../rig/rig.ts'
import type { RigNode } from '../rig/rig-node.ts'
import { presenceBounds, type Fault } from './fault.ts'

const presenceBoundMs = presenceBounds.nodeMs

/** A node that stands still for so long. */
function paused (name: string, title: string, lastsMs: number): Fault {
  return {
    name,
    title,
    lastsMs,
    presenceBoundMs,
    async begin (rig, random) {
      const node = rig.pickNode(random)
      node.pause()
      return async () => node.resume()
    }
  }
}

/** Each node in turn ends, and starts again. */
async function restartAll (rig: Rig, end: (node: RigNode) => Promise<void>): Promise<void> {
  for (const node of rig.nodes) {
    await end(node)
    await node.start()
    await wait(1_000)
  }
}

/** The same by drain. The load balancer knows that the node is not ready, as from its status route. */
function drainAll (rig: Rig): Promise<void> {
  const { avoided } = rig.front
  return restartAll(rig, async (node) => {
    avoided.add(node.port)
    await node.close()
    avoided.delete(node.port)
  })
}

/** Faults of nodes. */
export const nodeFaults: readonly Fault[] = [
  {
    name: 'node-killed',
    title: 'a node is killed (SIGKILL)',
    lastsMs: 3_000,
    isOverAtOnce: true,
    presenceBoundMs,
    async begin (rig, random) {
      const node = rig.pickNode(random)
      await node.kill()
      return () => node.start()
    }
  },
  paused('node-paused', 'a node stands still for 5 s (SIGSTOP)', 5_000),
  paused('node-paused-past-lease', 'a node stands still for 18 s, past its lease (SIGSTOP)', 18_000),
  {
    name: 'clock-jump',
    title: 'the clock of a node jumps by an hour',
    lastsMs: 3_000,
    isOverAtOnce: true,
    presenceBoundMs,
    async begin (rig, random) {
      rig.pickNode(random).order({ order: 'jump', ms: random.pick([-1, 1]) * 3_600_000 })
      return async () => {}
    }
  },
  {
    name: 'rolling-kill',
    title: 'each node in turn is killed (SIGKILL) and starts again',
    lastsMs: 0,
    isRolling: true,
    presenceBoundMs,
    async begin (rig) {
      return () => restartAll(rig, (node) => node.kill())
    }
  },
  {
    name: 'rolling-drain',
    title: 'each node in turn drains, ends and starts again',
    lastsMs: 0,
    isRolling: true,
    presenceBoundMs,
    async begin (rig) {
      return () => drainAll(rig)
    }
  },
  {
    name: 'rolling-update',
    title: 'nodes of the previous version are replaced in turn, by drain',
    startsFrom: 'previous',
    lastsMs: 0,
    isRolling: true,
    presenceBoundMs,
    async begin (rig) {
      return () => drainAll(rig)
    }
  }
]
