import type { NodeInfo } from 'fastify-channels'
import type { Metrics } from './board.ts'
import { keyOf, nodeOf } from './catalogue.ts'

/** Milliseconds for which a node's last sample counts when it does not answer. */
const grace = 3_000

/** Merges the samples of all nodes and remembers when each node answered last. */
export class Roster {
  #heardAt: ReadonlyMap<string, number> = new Map()

  /** `known`: the earlier metrics of nodes that do not answer now. */
  gather (answers: readonly NodeInfo[], known: Metrics, now: number): Metrics {
    const answered = new Map(answers.map(({ node }) => [node, now]))
    const silent = new Set(Object.keys(known).map(nodeOf).filter((node) => !answered.has(node)))
    const waitedFor = [...silent].map((node) => [node, this.#heardAt.get(node) ?? now] as const).filter(([, at]) =>
      now - at < grace)
    this.#heardAt = new Map([...answered, ...waitedFor])
    const kept = Object.entries(known).filter(([key]) => silent.has(nodeOf(key)) && this.#heardAt.has(nodeOf(key)))
    return Object.fromEntries([...kept, ...answers.flatMap(saidBy)])
  }
}

/** The other node may run another version of this program, so its report is checked. */
function saidBy ({ node, report }: NodeInfo): Array<[key: string, value: number]> {
  return Object.entries(report ?? {}).flatMap(([name, value]) =>
    Number.isFinite(value) ? [[keyOf(node, name), value as number]] : [])
}
