import type { Node } from './test-node.ts'

/** The part of tap's `t` that the suite needs. */
export interface ConformanceTest {
  test (name: string, fn: (t: ConformanceTest) => Promise<void>): unknown
  strictSame (actual: unknown, expected: unknown, message: string): unknown
  ok (value: unknown, message: string): unknown
  teardown (fn: () => Promise<void>): unknown
}

/** One thing that every adapter promises, shown on three nodes that have started and found each other. */
export type Rule = (t: ConformanceTest, nodes: readonly [Node, Node, Node]) => Promise<void>

/** Rules by what they promise. */
export type Rules = Readonly<Record<string, Rule>>
