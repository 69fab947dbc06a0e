import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Position } from '../../../lib/protocol/position.ts'
import { FollowerSimulation, nextTick, type LossyHistory } from '../follower-simulation.ts'

const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('append' as const), snapshot: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('deliver' as const), n: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('deliver twice' as const), n: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('lose an entry' as const), n: fc.nat(5) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('run a read' as const), n: fc.nat(3) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('answer a read' as const), n: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail a read' as const), n: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('gap' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('join' as const), at: fc.option(fc.nat(9)) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail over' as const), n: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose all' as const) }) }
)
const interleaving = fc.record({
  limit: fc.constantFrom(2, 1_000),
  actions: fc.array(action, { minLength: 8, maxLength: 60 })
})

type Action = typeof action extends fc.Arbitrary<infer A> ? A : never

const isHarmless = (actions: readonly Action[]) => {
  return !actions.some((action) => action.do === 'fail over' || action.do === 'lose all')
}

interface Sums { members: number, resyncs: number }

/** The history of one interleaving. `end` unsubscribes its nodes. */
export interface ClosableHistory extends LossyHistory { end (): Promise<void> }

/**
 * Even if entries are lost, late or repeated, a node delivers each entry of a history once, in order and without a gap,
 * and all members reach its end. Without a failover, no member needs a resync. `lanes` interleavings run at once,
 * because most of the time is spent waiting for Redis.
 */
export async function mergeProperty (open: () => Promise<ClosableHistory>, runs: number, lanes: number): Promise<Sums> {
  const sums: Sums = { members: 0, resyncs: 0 }
  const property = fc.asyncProperty(interleaving, async ({ limit, actions }) => {
    const history = await open()
    const { members, refusals } = await play(new FollowerSimulation(history, limit), actions)
    const resyncs = members.reduce((sum, member) => sum + member.resyncs, 0)
    if (limit > 2 && isHarmless(actions)) assert.deepEqual([resyncs, refusals], [0, 0], 'no resync without a failover')
    sums.members += members.length
    sums.resyncs += resyncs
    await history.end()
  })
  await Promise.all(Array.from({ length: lanes }, () => fc.assert(property, { numRuns: Math.ceil(runs / lanes) })))
  return sums
}

async function play (simulation: FollowerSimulation, actions: readonly Action[]): Promise<FollowerSimulation> {
  const joining: Array<Promise<void>> = []
  for (const action of actions) await act(simulation, action, joining)
  await simulation.settle()
  await Promise.all(joining)
  await simulation.join(undefined)
  const ids = simulation.history.entries.map(({ id }) => id)
  for (const { seen, position } of simulation.members) {
    assert.deepEqual(position, simulation.history.position, 'each member reaches the end of the history')
    const newest = ids.slice(ids.length - seen.length)
    assert.deepEqual(seen.map(({ id }) => id), newest, 'each member has received the newest entries')
  }
  return simulation
}

function positionAt ({ positions }: FollowerSimulation, at: number | null): Position | undefined {
  return at === null ? undefined : positions[at % Math.max(1, positions.length)]
}

async function act (
  simulation: FollowerSimulation, action: Action, joining: Array<Promise<void>>
): Promise<void> {
  switch (action.do) {
    case 'append': await simulation.append(action.snapshot); break
    case 'deliver': simulation.deliver(action.n, false, 1 + action.n % 3); break
    case 'deliver twice': simulation.deliver(action.n, true, 1 + action.n % 3); break
    case 'lose an entry': simulation.loseSent(action.n); break
    case 'run a read': await simulation.runRead(action.n); break
    case 'answer a read': simulation.answerRead(action.n); break
    case 'fail a read': simulation.failRead(action.n); break
    case 'gap': simulation.follower.refresh(); break
    case 'wait': simulation.clock.advance(500); break
    case 'join': joining.push(simulation.join(positionAt(simulation, action.at))); break
    case 'fail over': await simulation.history.loseNewest(action.n); break
    case 'lose all': await simulation.history.loseAll()
  }
  await nextTick()
}
