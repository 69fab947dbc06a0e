import type { Adapter } from '../../cluster/adapter.ts'
import type { TestNode } from './test-node.ts'
import type { TestTime } from './test-time.ts'

/** The part of tap's `t` that the suite needs. */
export interface ConformanceTest {
  test (name: string, fn: (t: ConformanceTest) => Promise<void>): unknown
  strictSame (actual: unknown, expected: unknown, message: string): unknown
  ok (value: unknown, message: string): unknown
  teardown (fn: () => Promise<void>): unknown
}

/** What a rule may do besides calling its nodes. */
export interface RuleDeps {
  readonly time: TestTime
  /** Ends a node as a crash does. Undefined where the cluster under test cannot do that. */
  readonly kill: ((adapter: Adapter) => void | Promise<void>) | undefined
}

/** One guarantee, shown on three nodes that have started and know each other. */
export type Rule = (t: ConformanceTest, nodes: readonly [TestNode, TestNode, TestNode], deps: RuleDeps) => Promise<void>

/** Rules by the guarantee that they show. */
export type Rules = Readonly<Record<string, Rule>>
