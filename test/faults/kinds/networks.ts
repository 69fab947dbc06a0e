import { presenceBounds, type Fault } from './fault.ts'

/** Faults of the networks. */
export const networkFaults: readonly Fault[] = [
  {
    name: 'node-cut',
    title: 'a node is cut from Redis for 8 s',
    lastsMs: 8_000,
    presenceBoundMs: presenceBounds.redisMs,
    async begin (rig, random) {
      const link = rig.linkOf(rig.pickNode(random))
      // What was on its way arrives late, or the connections are gone.
      const isReset = random.chance(50)
      link.hold(() => true)
      return async () => {
        if (isReset) link.cut()
        link.release()
      }
    }
  }
]
