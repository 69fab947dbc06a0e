import { presenceBounds, type Fault } from './fault.ts'

/** Faults of clients. */
export const readerFaults: readonly Fault[] = [
  {
    name: 'readers-stop',
    title: 'half of the members of a channel stop reading for 6 s, while it has messages of 48 KB',
    lastsMs: 6_000,
    hasSlowReaders: true,
    presenceBoundMs: presenceBounds.nodeMs,
    async begin (rig, random) {
      const [channel] = random.pick(rig.clients).channels as [string]
      const members = rig.clients.filter(({ channels }) => channels.includes(channel)).map(({ name }) => name)
      const names = members.slice(members.length / 2)
      rig.order({ order: 'stall', names })
      rig.order({ order: 'pad', channel, bytes: 49_152 })
      return async () => {
        rig.order({ order: 'pad', channel, bytes: 0 })
        rig.order({ order: 'read', names })
      }
    }
  }
]
