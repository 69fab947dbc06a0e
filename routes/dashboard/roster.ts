import type { NodeInfo } from 'fastify-channels'
import type { Metrics } from './board.ts'
import { keyOf, nodeOf } from './catalogue.ts'

/** Milliseconds that a node's last words count when it does not answer. */
const grace = 3_000

/** Makes one map of what all nodes said, and remembers when each was heard last. */
export class Roster {
  #heardAt: ReadonlyMap<string, number> = new Map()

  /** `known`: what was said before, by whoever does not answer now. */
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

/** The other node may run another version of this program. */
function saidBy ({ node, report }: NodeInfo): Array<[key: string, value: number]> {
  return Object.entries(report ?? {}).flatMap(([name, value]) =>
    Number.isFinite(value) ? [[keyOf(node, name), value as number]] : [])
}
