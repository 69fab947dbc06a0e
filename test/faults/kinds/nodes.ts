import { presenceBounds, type Fault } from './fault.ts'

const presenceBoundMs = presenceBounds.nodeMs

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
  {
    name: 'node-paused',
    title: 'a node stands still for 5 s (SIGSTOP)',
    lastsMs: 5_000,
    presenceBoundMs,
    async begin (rig, random) {
      const node = rig.pickNode(random)
      node.pause()
      return async () => node.resume()
    }
  },
  {
    name: 'node-paused-past-lease',
    title: 'a node stands still for 18 s, past its lease',
    lastsMs: 18_000,
    presenceBoundMs,
    async begin (rig, random) {
      const node = rig.pickNode(random)
      node.pause()
      return async () => node.resume()
    }
  }
]
