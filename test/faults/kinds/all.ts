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

/** The faults of these names. @throws for a name that is none */
export function faultsNamed (names: readonly string[]): Fault[] {
  return names.map((name) => {
    const fault = allFaults.find((fault) => fault.name === name)
    if (!fault) throw new Error(`no fault '${name}': pass 'all' or some of ${allFaults.map(({ name }) => name).join()}`)
    return fault
  })
}
