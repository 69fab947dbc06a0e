import type { Adapter } from '../cluster/adapter.ts'
import { claims } from './conformance/idempotency.ts'
import { endings } from './conformance/closing.ts'
import { logs } from './conformance/history.ts'
import { messages } from './conformance/pubsub.ts'
import { startNode, type Node } from './conformance/test-node.ts'
import { nodes } from './conformance/nodes.ts'
import { presence } from './conformance/presence.ts'
import type { ConformanceTest } from './conformance/rule.ts'

export type { ConformanceTest }

/** Nodes joined by the adapter under test, not started yet, and how to let go of what lies between them. */
export interface Cluster {
  readonly adapters: readonly Adapter[]
  /** Resolves once all of them, started, have found each other. */
  ready? (): Promise<void>
  close? (): Promise<void>
}

export type MakeCluster = (nodes: number) => Cluster | Promise<Cluster>

/**
 * What every adapter promises, as tests. `makeCluster(n)` joins n nodes that share nothing with those of other tests:
 *
 *   adapterConformance(t, (nodes) => ({ adapters: Array.from({ length: nodes }, () => new MyAdapter(…)) }))
 */
export function adapterConformance (t: ConformanceTest, makeCluster: MakeCluster): void {
  for (const [name, rule] of Object.entries({ ...messages, ...presence, ...logs, ...claims, ...nodes, ...endings })) {
    t.test(name, async (t) => {
      const cluster = await makeCluster(3)
      t.teardown(() => end(cluster))
      const started = cluster.adapters.map(startNode)
      await cluster.ready?.()
      await rule(t, started as unknown as readonly [Node, Node, Node])
    })
  }
}

async function end (cluster: Cluster): Promise<void> {
  for (const adapter of cluster.adapters) await adapter.close()
  await cluster.close?.()
}
