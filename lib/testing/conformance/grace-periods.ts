import type { Rule, Rules, RuleDeps } from './rule.ts'
import type { RecordedChange, TestNode } from './test-node.ts'
import { changesTo, connectionOf, joined, left, subscribe, usersOf } from './test-node.ts'

/** Around the lease of 15 s: a grace period may end before the lease of a crashed node or long after it. */
const graceSeconds = [1, 10, 30]
/** A timer may fire, or a server may round, a little early. */
const toleranceMs = 5

type End = (node: TestNode, deps: RuleDeps) => void | Promise<void>

/** A user exits on the first node with a grace period, and `end` ends the node while it runs. */
function leavesOnce (graceMs: number, end: End): Rule {
  return async (t, [a, b, c], deps) => {
    const grace = deps.time.scaled(graceMs)
    await subscribe('x', b, c)
    await a.adapter.presence.enter('x', connectionOf('c1', 'ada'))
    for (const node of [b, c]) await node.changes.until('x', joined('ada'))
    const exitedAt = deps.time.now()
    await a.adapter.presence.exit('x', 'c1', grace)
    await end(a, deps)
    deps.time.advance(grace)
    const told = new Map<TestNode, boolean>()
    for (const node of [b, c]) {
      told.set(node, await isToldOfLeave(node))
      for (const { at } of node.changes.of('x').filter(left('ada'))) {
        t.ok(at - exitedAt >= grace - toleranceMs, 'the user stays present for the whole grace period')
      }
      t.strictSame(usersOf(await node.adapter.presence.list('x')), [], 'nobody remains in the list')
      t.strictSame(await node.adapter.presence.count('x'), 0, 'nobody is counted')
    }
    const leaves = (await changesTo(b, c, 'x')).filter(left('ada')).length
    t.strictSame(leaves, Number(told.get(b)), 'the leave is announced once')
  }
}

/**
 * Resolves once a node knows that the user left: true when it was told, false when there was a gap, after which it has
 * to read the list.
 */
async function isToldOfLeave ({ changes, gaps, adapter }: TestNode): Promise<boolean> {
  const told = changes.until('x', left('ada')).then(() => true)
  for (let seen = 0; ; seen++) {
    const isTold = await Promise.race([told, gaps.until('', (count) => count > seen).then(() => false)])
    if (isTold || !usersOf(await adapter.presence.list('x')).includes('ada')) return changes.of('x').some(left('ada'))
  }
}

/** Shows a rule only where the cluster under test can crash a node. */
const whereNodesCrash = (rule: Rule): Rule => async (t, nodes, deps) => {
  if (deps.kill) await rule(t, nodes, deps)
}

const kill: End = async ({ adapter }, deps) => { await deps.kill?.(adapter) }

export const gracePeriodRules: Rules = Object.fromEntries([
  ...graceSeconds.flatMap((seconds): Array<[string, Rule]> => [
    [`presence: a user leaves once after a grace period of ${seconds} s`, leavesOnce(seconds * 1_000, () => {})],
    [
      `presence: a user leaves once after a grace period of ${seconds} s in which the node closed`,
      leavesOnce(seconds * 1_000, ({ adapter }) => adapter.close())
    ],
    [
      `presence: a user leaves once after a grace period of ${seconds} s in which the node was killed`,
      whereNodesCrash(leavesOnce(seconds * 1_000, kill))
    ]
  ]),
  ['presence: a user leaves once after the grace period of one connection, though the last one exits without', async (
    t, [a, b], deps
  ) => {
    const grace = deps.time.scaled(10_000)
    await subscribe('x', b)
    for (const connection of ['c1', 'c2']) await a.adapter.presence.enter('x', connectionOf(connection, 'ada'))
    const exitedAt = deps.time.now()
    await a.adapter.presence.exit('x', 'c1', grace)
    await a.adapter.presence.exit('x', 'c2', 0)
    deps.time.advance(grace)
    await b.changes.until('x', left('ada'))
    const { at } = b.changes.of('x').find(left('ada')) as RecordedChange
    t.ok(at - exitedAt >= grace - toleranceMs, 'the grace period is not cut short')
    t.strictSame(await b.adapter.presence.count('x'), 0, 'nobody is counted')
  }],
  ['presence: a user whose node was killed leaves once, and a user with another node stays', whereNodesCrash(
    async (t, [a, b, c], deps) => {
      await subscribe('x', b, c)
      for (const user of ['ada', 'bob']) await a.adapter.presence.enter('x', connectionOf(`a ${user}`, user))
      await b.adapter.presence.enter('x', connectionOf('b bob', 'bob'))
      await kill(a, deps)
      for (const node of [b, c]) await node.changes.until('x', left('ada'))
      t.strictSame(usersOf(await c.adapter.presence.list('x')), ['bob'], 'only the user with a live connection remains')
      const changes = await changesTo(c, b, 'x')
      t.strictSame(changes.flatMap(({ change }) => change.left ?? []), ['ada'], 'one leave is announced')
    }
  )]
])
