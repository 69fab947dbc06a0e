import type { Fault } from './fault.ts'
import { failoverFaults } from './failovers.ts'
import { networkFaults } from './networks.ts'
import { nodeFaults } from './nodes.ts'
import { readerFaults } from './readers.ts'
import { redisFaults } from './redis.ts'

/** Every fault, in the order of the table in docs/reliability.md. */
export const allFaults: readonly Fault[] = [
  ...nodeFaults, ...redisFaults, ...failoverFaults, ...networkFaults, ...readerFaults
]

/** Faults that need no Redis. */
const withoutRedis = [...nodeFaults, ...networkFaults, ...readerFaults].filter(({ name, startsFrom }) => {
  return !startsFrom && !/^(node-(cut|deaf|mute)|redis-slow)$/.test(name)
})

/** The same faults of nodes that share a local hub. Each may strike the node that is the hub, and its histories. */
export const localFaults: readonly Fault[] = withoutRedis.map((fault) => ({
  ...fault, name: `local-${fault.name}`, topology: 'local', losesHistory: true, title: `local hub: ${fault.title}`
}))

/** The faults of these names. @throws for a name that is none */
export function faultsNamed (names: readonly string[]): Fault[] {
  return names.map((name) => {
    const fault = [...allFaults, ...localFaults].find((fault) => fault.name === name)
    if (fault) return fault
    throw new Error(`no fault '${name}': pass 'all', 'local' or some of ${allFaults.map(({ name }) => name).join()}`)
  })
}
