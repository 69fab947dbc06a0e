import type { Adapter } from '../cluster/adapter.ts'
import { appendRules } from './conformance/appends.ts'
import { gracePeriodRules } from './conformance/grace-periods.ts'
import { historyRules } from './conformance/history.ts'
import { idempotencyRules } from './conformance/idempotency.ts'
import { closingRules, nodesRules, quotaRules } from './conformance/nodes.ts'
import { presenceRules } from './conformance/presence.ts'
import { pubsubRules } from './conformance/pubsub.ts'
import type { ConformanceTest } from './conformance/rule.ts'
import { startNode, type TestNode } from './conformance/test-node.ts'
import { TestTime, type AdvancingClock } from './conformance/test-time.ts'

export type { ConformanceTest }

/** Nodes joined by the adapter under test, not started yet, and what the suite may do to them. */
export interface Cluster {
  readonly adapters: readonly Adapter[]
  /**
   * The factor by which every duration of this cluster is shorter than in production, as with `scaleTimings`. The suite
   * scales its own durations alike.
   *
   * @default 1
   */
  readonly timeScale?: number
  /** The clock of the cluster where a test moves it, such as a `FakeClock`. Default: time passes by itself. */
  readonly clock?: AdvancingClock
  /** Resolves once all nodes, which have been started, know each other. */
  ready? (): Promise<void>
  /**
   * Ends a node as a crash does: it sends nothing more, and its lease runs out. Without it, the rules about crashed
   * nodes are skipped.
   */
  kill? (adapter: Adapter): void | Promise<void>
  /** Releases what the nodes share, after all adapters were closed. */
  close? (): Promise<void>
}

export type MakeCluster = (nodes: number) => Cluster | Promise<Cluster>

const rules = {
  ...pubsubRules,
  ...historyRules,
  ...appendRules,
  ...presenceRules,
  ...gracePeriodRules,
  ...idempotencyRules,
  ...quotaRules,
  ...nodesRules,
  ...closingRules
}

/**
 * Tests everything that an adapter has to guarantee. `makeCluster(n)` joins n nodes that share nothing with the nodes
 * of other calls.
 *
 * @example
 * adapterConformance(t, (nodes) => ({ adapters: Array.from({ length: nodes }, () => new MyAdapter(server)) }))
 */
export function adapterConformance (t: ConformanceTest, makeCluster: MakeCluster): void {
  for (const [title, rule] of Object.entries(rules)) {
    t.test(title, async (t) => {
      const cluster = await makeCluster(3)
      t.teardown(() => closeAll(cluster))
      const time = new TestTime(cluster)
      const [a, b, c] = cluster.adapters.map((adapter) => startNode(adapter, time)) as [TestNode, TestNode, TestNode]
      await cluster.ready?.()
      await rule(t, [a, b, c], { time, kill: cluster.kill?.bind(cluster) })
    })
  }
}

async function closeAll (cluster: Cluster): Promise<void> {
  for (const adapter of cluster.adapters) await adapter.close()
  await cluster.close?.()
}
