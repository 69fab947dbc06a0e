import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Position } from '../../../lib/protocol/position.ts'
import type { LogInHands } from '../history-world.ts'
import { turn, World } from '../history-world.ts'

const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('append' as const), snapshot: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('arrive' as const), n: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('arrive twice' as const), n: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('lose an entry' as const), n: fc.nat(5) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('carry out' as const), n: fc.nat(3) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('answer' as const), n: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail' as const), n: fc.nat(3) }) },
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

/** The history of one interleaving. */
export interface OneLog extends LogInHands { end (): Promise<void> }

/**
 * Whatever is lost, late or repeated, a node delivers a history in order, without a hole and once, and every member
 * reaches its end. Without a failover, no member needs a resync. `lanes` interleavings run at once, because most of the
 * time is spent waiting for Redis.
 */
export async function mergeProperty (open: () => Promise<OneLog>, runs: number, lanes: number): Promise<Sums> {
  const sums: Sums = { members: 0, resyncs: 0 }
  const property = fc.asyncProperty(interleaving, async ({ limit, actions }) => {
    const log = await open()
    const { watchers, refusals } = await play(new World(log, limit), actions)
    const resyncs = watchers.reduce((sum, watcher) => sum + watcher.resyncs, 0)
    if (limit > 2 && isHarmless(actions)) assert.deepEqual([resyncs, refusals], [0, 0], 'no resync without a failover')
    sums.members += watchers.length
    sums.resyncs += resyncs
    await log.end()
  })
  await Promise.all(Array.from({ length: lanes }, () => fc.assert(property, { numRuns: Math.ceil(runs / lanes) })))
  return sums
}

async function play (world: World, actions: readonly Action[]): Promise<World> {
  const joining: Array<Promise<void>> = []
  for (const action of actions) await act(world, action, joining)
  await world.settle()
  await Promise.all(joining)
  await world.join(undefined)
  const ids = world.log.entries.map(({ id }) => id)
  for (const { seen, position } of world.watchers) {
    assert.deepEqual(position, world.log.position, 'every member has reached the end of the history')
    const newest = ids.slice(ids.length - seen.length)
    assert.deepEqual(seen.map(({ id }) => id), newest, 'every member has seen its newest entries')
  }
  return world
}

function positionAt ({ positions }: World, at: number | null): Position | undefined {
  return at === null ? undefined : positions[at % Math.max(1, positions.length)]
}

async function act (world: World, action: Action, joining: Array<Promise<void>>): Promise<void> {
  switch (action.do) {
    case 'append': await world.append(action.snapshot); break
    case 'arrive': world.arrive(action.n); break
    case 'arrive twice': world.arrive(action.n, true); break
    case 'lose an entry': world.sent.splice(action.n % Math.max(1, world.sent.length), 1); break
    case 'carry out': await world.carryOut(action.n); break
    case 'answer': world.answer(action.n); break
    case 'fail': world.fail(action.n); break
    case 'gap': world.feed.refresh(); break
    case 'wait': world.clock.advance(500); break
    case 'join': joining.push(world.join(positionAt(world, action.at))); break
    case 'fail over': await world.log.loseNewest(action.n); break
    case 'lose all': await world.log.loseAll()
  }
  await turn()
}
